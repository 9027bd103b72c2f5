//! The quick look: create, read and copy-up, against the plain directory of the same file system.
//!
//! Both variants are containers with the same files and the same workload. One has a root that is an overlay (a fresh upper
//! directory each round, on the file system of the scratch directory), the other has a plain directory as its root.
//! The page cache is warm. A copy-up syncs the copy to the disk before it is used, unless the overlay is mounted `volatile`, so its
//! time is mostly that of the disk. Everything together stays below 32 MiB and 2,000 inodes beside the isolab binary.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use isolab_core::host::Host;
use isolab_reports::record::{Cost, NotTested, Series};
use serde_json::Value;

use super::{Upper, file_system_of, overlay_root};
use crate::bed::Bed;
use crate::bundle::Bundle;
use crate::cancel::Cancel;
use crate::cost::Options;
use crate::progress::Progress;
use crate::ready::{Error, LIMIT, own_observation};
use crate::schedule::{Limits, Rounds};
use crate::scratch::remove_tree;
use crate::workload::Request;
use crate::workload::files::{Files, OPERATIONS, Quick};
use crate::workload::session::Session;

/// Id of the cost in the record.
pub const ID: &str = "overlay-io";
/// Files to create and to read each round.
const FILES: u32 = 256;
/// Bytes of each.
const SMALL: usize = 4 << 10;
/// Files to copy up each round.
const OPENED: u32 = 64;
/// Bytes of each.
const LARGE: usize = 64 << 10;
/// Where the files are in the container, and below its root directory.
const DATA: &str = "data";

/// The two variants. A round runs both.
const VARIANTS: [&str; 2] = ["overlay", "plain directory"];

/// Limits for a run of a few seconds.
pub const QUICK: Limits = Limits { rounds: 6, time: Duration::from_secs(8), seed: 1 };

/// Measures. An overlay that this host cannot have becomes a [`NotTested`].
///
/// # Errors
/// When the files cannot be made, or the run is to stop. Containers and files are removed either way.
pub fn run(
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Vec<Cost>, Vec<NotTested>), Error> {
    progress.begin("overlay I/O against the plain directory", u64::from(options.limits.rounds) * 2);
    let bench = Bench::new(Bed::new(options.program, host)?)?;
    let mut series = empty_series();
    let mut rounds = Rounds::new(VARIANTS.len(), options.limits);
    while let Some(order) = rounds.next_round() {
        for variant in order {
            progress.step(VARIANTS[variant]);
            match bench.round(variant, cancel) {
                Ok(round) => add(&mut series, variant, round),
                Err(error) => {
                    progress.done();
                    return Ok((Vec::new(), vec![error.into_not_tested(ID)?]));
                }
            }
        }
    }
    progress.done();
    let title = format!(
        "Create and read {FILES} files of {} KiB, copy up {OPENED} files of {} KiB, on an overlay and on a plain directory, both on {}",
        SMALL >> 10,
        LARGE >> 10,
        bench.file_system,
    );
    Ok((vec![Cost { id: ID.into(), title, launcher: "core".into(), series }], Vec::new()))
}

/// Samples of each operation, and asked against got.
struct Round {
    samples: Vec<Vec<u64>>,
    enforced: String,
}

struct Bench {
    lower: Bundle,
    plain: Bundle,
    /// Upper and work directories of the round, made and removed in it.
    layer: PathBuf,
    file_system: String,
    bed: Bed,
}

impl Bench {
    fn new(bed: Bed) -> Result<Bench, Error> {
        let mut config = bed.config(ID);
        config["root"]["readonly"] = false.into();
        let (lower, plain) = (bed.bundle("lower", config.clone())?, bed.bundle("plain", config)?);
        for bundle in [&lower, &plain] {
            populate(&bundle.rootfs().join(DATA)).map_err(Error::io("write the files"))?;
        }
        let mounts = own_observation(&bed.host)?.mounts;
        let file_system = file_system_of(&mounts, bed.dir()).unwrap_or("an unknown file system").to_owned();
        let layer = bed.dir().join("layer");
        Ok(Bench { lower, plain, layer, file_system, bed })
    }

    fn round(&self, variant: usize, cancel: &Cancel) -> Result<Round, Error> {
        let overlay = variant == 0;
        let bundle = if overlay { &self.lower } else { &self.plain };
        let mut config = bundle.config().clone();
        if overlay {
            let upper = Upper::new(&self.layer).map_err(Error::io("make the overlay's directories"))?;
            overlay_root(&mut config, &[bundle.rootfs()], &upper, &[]);
        }
        let replies = self.replies(bundle, &config, cancel);
        // The next round finds what this one found, also after an error.
        let new = bundle.rootfs().join(DATA).join("new");
        remove_tree(&new)
            .and_then(|()| remove_tree(&self.layer))
            .map_err(Error::io("remove the round's files"))?;
        replies
    }

    fn replies(&self, bundle: &Bundle, config: &Value, cancel: &Cancel) -> Result<Round, Error> {
        let mut session = Session::launch(
            "the file workload",
            config,
            &request(),
            (bundle.dir(), ID, &self.bed.host),
            cancel,
        )?;
        session.go()?;
        let enforced = session.enforced().to_owned();
        let replies = session.finish(OPERATIONS.len(), LIMIT, cancel)?;
        Ok(Round { samples: replies.into_iter().map(|reply| reply.samples).collect(), enforced })
    }
}

fn request() -> Request {
    let data = Path::new("/").join(DATA);
    let files = Quick {
        create_in: data.join("new"),
        read_from: data.join("read"),
        open_in: data.join("open"),
        files: FILES,
        bytes: SMALL,
        opened: OPENED,
    };
    Request::Files(Files::Quick(files))
}

/// The files that the workload reads and opens.
fn populate(data: &Path) -> io::Result<()> {
    for (dir, files, bytes) in [("read", FILES, SMALL), ("open", OPENED, LARGE)] {
        let dir = data.join(dir);
        fs::create_dir_all(&dir)?;
        let content = vec![b'i'; bytes];
        for file in 0..files {
            fs::write(dir.join(file.to_string()), &content)?;
        }
    }
    Ok(())
}

/// Operation by operation, each on the overlay and on the plain directory.
fn empty_series() -> Vec<Series> {
    let name = |operation: &str, variant: usize| format!("{operation}, {}", VARIANTS[variant]);
    let pairs = OPERATIONS.iter().flat_map(|operation| [(operation, 0), (operation, 1)]);
    let series = pairs.map(|(operation, variant)| {
        let against = (variant == 0).then(|| name(operation, 1));
        Series::of(name(operation, variant), against.as_deref(), Vec::new())
    });
    series.collect()
}

fn add(series: &mut [Series], variant: usize, round: Round) {
    for (operation, samples) in round.samples.into_iter().enumerate() {
        let series = &mut series[operation * VARIANTS.len() + variant];
        series.samples.extend(samples);
        series.enforced = Some(round.enforced.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_overlay_series_has_its_plain_twin() {
        let series = empty_series();
        assert_eq!(series.len(), 6);
        for pair in series.chunks(2) {
            assert_eq!(pair[0].against.as_ref(), Some(&pair[1].name));
            assert_eq!(pair[1].against, None);
        }
        assert_eq!(series[4].name, "copy-up, overlay");
    }

    #[test]
    fn samples_go_to_their_operation_and_variant() {
        let mut series = empty_series();
        let round =
            |samples: [u64; 3]| Round { samples: samples.map(|s| vec![s]).to_vec(), enforced: "e".into() };
        add(&mut series, 1, round([1, 2, 3]));
        add(&mut series, 0, round([4, 5, 6]));
        let samples: Vec<u64> = series.iter().flat_map(|series| series.samples.clone()).collect();
        assert_eq!(samples, [4, 1, 5, 2, 6, 3]);
    }
}
