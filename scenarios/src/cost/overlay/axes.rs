//! What changes an overlay's costs: layers, where the upper layer is, options, idmapped layers, and cold caches.
//!
//! Each variant is an overlay that differs from a first one in one thing, and in each round every variant and the plain
//! directories run all operations once, in a container of their own. They run on a stage, where a tmpfs, idmapped layers and
//! the images for cold caches are mounted. It takes 500 MiB of disk, and 100 MiB of memory for a tmpfs.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;

use isolab_core::host::Host;
use isolab_core::sys::fs::sync_all_of;
use isolab_reports::record::{Cost, NotTested};

use super::lane::{Lane, Tree};
use super::mounted::{self, Mounted};
use super::variant::{self, Ground, Overlay, Variant};
use super::{file_system_of, series};
use crate::bed::Bed;
use crate::cancel::Cancel;
use crate::cost::Options;
use crate::progress::Progress;
use crate::ready::{Error, own_observation};
use crate::schedule::{Limits, Rounds};
use crate::stage::on_stage;

/// What all of it is called where it cannot be tested.
const ID: &str = "overlay-axes";

/// Limits for a run of less than three minutes. Many short rounds: the samples of one share what else the machine did.
pub const LIMITS: Limits = Limits { rounds: 40, time: Duration::from_secs(75), seed: 1 };

/// Measures. What this host cannot have becomes a [`NotTested`].
///
/// # Errors
/// When the files cannot be made, or the run is to stop. Containers, mounts and files are removed either way.
pub fn run(
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Vec<Cost>, Vec<NotTested>), Error> {
    if host.uid != 0 {
        let not_tested = |reason: &str, remedy: &str| NotTested {
            what: ID.into(),
            reason: reason.into(),
            remedy: remedy.into(),
        };
        return Ok((Vec::new(), vec![not_tested("its file systems are mounted by root", "run as root")]));
    }
    on_stage(host, |_| staged(options, host, progress, cancel)).map_err(Error::io("enter a stage"))?
}

fn staged(
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Vec<Cost>, Vec<NotTested>), Error> {
    let variants = variant::all();
    progress.begin(
        "overlays against the plain file system",
        u64::from(options.limits.rounds) * variants.len() as u64,
    );
    progress.step("write the files");
    let ground = Lay::new(Bed::new(options.program, host)?)?;
    let (mut lanes, mut not_tested) = ground.lanes(&variants)?;
    ground.settle()?;
    let mut rounds = Rounds::new(lanes.len(), options.limits);
    while let Some(order) = rounds.next_round() {
        for at in order {
            cancel.check()?;
            let lane = &mut lanes[at];
            let name = lane.samples.variant.name();
            progress.step(name);
            if lane.failed {
                continue;
            }
            if let Err(error) = lane.round(&ground.bed, cancel) {
                lane.failed = true;
                not_tested.push(error.into_not_tested(&format!("{ID}: {name}"))?);
            }
        }
    }
    progress.done();
    let measured: Vec<_> = lanes.into_iter().filter(|lane| !lane.failed).map(|lane| lane.samples).collect();
    Ok((series::costs(&measured, &ground.file_system), not_tested))
}

/// What the variants stand on. Fields are dropped in their order: mounts before what they are mounted on.
struct Lay {
    tmpfs: io::Result<Mounted>,
    file_system: String,
    bed: Bed,
}

impl Lay {
    fn new(bed: Bed) -> Result<Lay, Error> {
        let at = bed.dir().join("tmpfs");
        fs::create_dir(&at).map_err(Error::io("make a directory"))?;
        let mounts = own_observation(&bed.host)?.mounts;
        let file_system = file_system_of(&mounts, bed.dir()).unwrap_or("an unknown file system").to_owned();
        Ok(Lay { tmpfs: mounted::tmpfs(&at), file_system, bed })
    }

    /// A lane for each variant that can be had.
    fn lanes(&self, variants: &[Variant]) -> Result<(Vec<Lane>, Vec<NotTested>), Error> {
        let (mut lanes, mut not_tested) = (Vec::new(), Vec::new());
        let mut made = BTreeMap::new();
        for &variant in variants {
            match self.tree(variant, &mut made) {
                Ok(tree) => {
                    let layer = self.bed.dir().join(written(variant));
                    lanes.push(Lane::new(variant, tree, layer));
                }
                Err(error) => not_tested.push(lacking(variant, error)?),
            }
        }
        Ok((lanes, not_tested))
    }

    /// The tree of a variant, which several may share.
    fn tree(&self, variant: Variant, made: &mut BTreeMap<String, Rc<Tree>>) -> Result<Rc<Tree>, Error> {
        if let (Ground::Tmpfs, Err(error)) = (variant.ground(), &self.tmpfs) {
            return Err(Error::io("make a tmpfs")(io::Error::new(error.kind(), error.to_string())));
        }
        let place = place(variant);
        let id = place.id();
        if let Some(tree) = made.get(&id) {
            return Ok(Rc::clone(tree));
        }
        let tree = Rc::new(match place {
            Place::Directory { layers, .. } => Tree::new(&self.bed, &id, layers)?,
            Place::Idmapped => Tree::idmapped(&self.bed, &id)?,
            Place::Image(_) => Tree::on_image(&self.bed, &id)?,
        });
        made.insert(id, Rc::clone(&tree));
        Ok(tree)
    }

    /// Writes to the disk what was just made, so that no sample waits for it.
    fn settle(&self) -> Result<(), Error> {
        let dir = File::open(self.bed.dir()).map_err(Error::io("open the scratch directory"))?;
        sync_all_of(dir.as_fd()).map_err(mounted::io_error).map_err(Error::io("sync the scratch directory"))
    }
}

/// Where a variant's tree is.
enum Place {
    /// A bundle below the bed, with so many layers.
    Directory { id: String, layers: usize },
    /// A bundle with one layer that is idmapped.
    Idmapped,
    /// A bundle on an image of this name.
    Image(&'static str),
}

impl Place {
    /// Its path below the bed.
    fn id(&self) -> String {
        match self {
            Place::Directory { id, .. } => id.clone(),
            Place::Idmapped => "idmapped".into(),
            Place::Image(name) => (*name).to_owned(),
        }
    }
}

/// Layers are never on tmpfs, and what is cold has one layer.
fn place(variant: Variant) -> Place {
    match variant {
        Variant::Plain(Ground::Disk) => Place::Directory { id: "plain".into(), layers: 1 },
        Variant::Plain(Ground::Tmpfs) => Place::Directory { id: "tmpfs/plain".into(), layers: 1 },
        Variant::Plain(Ground::Cold) => Place::Image("cold-plain"),
        Variant::Overlay(Overlay { idmapped: true, .. }) => Place::Idmapped,
        Variant::Overlay(Overlay { upper: Ground::Cold, .. }) => Place::Image("cold-overlay"),
        Variant::Overlay(Overlay { layers, .. }) => {
            Place::Directory { id: format!("lower-{layers}"), layers }
        }
    }
}

/// The directory below the bed that an overlay's upper layer is made in.
fn written(variant: Variant) -> &'static str {
    match variant.ground() {
        Ground::Disk => "written",
        Ground::Tmpfs => "tmpfs/written",
        Ground::Cold => "cold-overlay/written",
    }
}

/// A variant that cannot be had, and what it takes.
fn lacking(variant: Variant, error: Error) -> Result<NotTested, Error> {
    let mut not_tested = error.into_not_tested(&format!("{ID}: {}", variant.name()))?;
    let remedy = match variant {
        Variant::Overlay(Overlay { idmapped: true, .. }) => {
            "Linux 5.19 or later, and a scratch directory on a file system that can be idmapped, such as ext4, xfs or btrfs"
        }
        _ if variant.ground() == Ground::Cold => {
            "a kernel with ext4 and loop devices, and apt-get install e2fsprogs mount"
        }
        _ => return Ok(not_tested),
    };
    not_tested.remedy = remedy.into();
    Ok(not_tested)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cost::overlay::variant::{BASE, all};

    #[test]
    fn variants_share_layers_that_nobody_writes_to() {
        let places: BTreeSet<String> = all().into_iter().map(|variant| place(variant).id()).collect();
        let expected = [
            "cold-overlay",
            "cold-plain",
            "idmapped",
            "lower-1",
            "lower-128",
            "lower-32",
            "lower-8",
            "plain",
            "tmpfs/plain",
        ];
        assert_eq!(places.iter().map(String::as_str).collect::<Vec<_>>(), expected);
        for variant in all() {
            assert!(!places.contains(written(variant)), "{}", variant.name());
        }
    }

    #[test]
    fn what_is_lacking_says_what_it_takes() {
        let error = || Error::Io { operation: "mount".into(), source: io::ErrorKind::Unsupported.into() };
        let idmapped = Variant::Overlay(Overlay { idmapped: true, name: "idmapped layers", ..BASE });
        let said = lacking(idmapped, error()).unwrap();
        assert_eq!(said.what, "overlay-axes: idmapped layers");
        assert!(said.remedy.contains("5.19"), "{}", said.remedy);
        assert!(lacking(Variant::Plain(Ground::Cold), error()).unwrap().remedy.contains("e2fsprogs"));
    }
}
