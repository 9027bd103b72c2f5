//! `isolab image`: image archives, listed and unpacked.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use isolab_core::image::{Archive, Error, Image, Limits, Platform, Problem, Report};
use isolab_scenarios::progress::say;

use super::{Failure, interrupt, output};

#[derive(Subcommand)]
pub(super) enum Command {
    /// The images of an archive or OCI layout
    List {
        /// An archive of docker save, podman save or skopeo, or an OCI layout
        archive: PathBuf,
    },
    /// Unpacks an image to a bundle: rootfs and config.json
    Unpack {
        #[command(flatten)]
        source: Source,
        /// The bundle to make; it must not exist
        dir: PathBuf,
    },
    /// Unpacks an image's layers for an overlay, and prints their directories, the topmost first
    Layers {
        #[command(flatten)]
        source: Source,
        /// Where layers are kept by their digests, for all images
        cache: PathBuf,
        /// Makes a bundle that mounts an overlay of them; it must not exist
        #[arg(long, value_name = "DIR")]
        bundle: Option<PathBuf>,
    },
}

#[derive(Args)]
pub(super) struct Source {
    /// An archive or OCI layout, with the image's name where it has several
    #[arg(value_name = "ARCHIVE[:NAME]")]
    archive: String,
    /// The build of an image for several platforms, such as linux/arm64 [default: this host's]
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// The most that layers and files may hold, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 4096, value_parser = clap::value_parser!(u64).range(1..1 << 32))]
    max_size: u64,
    /// The most entries that layers may have
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    max_entries: u64,
}

pub(super) fn image(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::List { archive } => list(archive),
        Command::Unpack { source, dir } => source.with(|image, cancelled| {
            let report = image.bundle(dir, cancelled)?;
            Ok((report, String::new()))
        }),
        Command::Layers { source, cache, bundle } => source.with(|image, cancelled| {
            let layers = match bundle {
                Some(bundle) => image.overlay_bundle(bundle, cache, cancelled)?,
                None => image.layers(cache, cancelled)?,
            };
            let lines = layers.directories.iter().map(|path| format!("{}\n", path.display())).collect();
            Ok((layers.report, lines))
        }),
    }
}

impl Source {
    /// Finds the image and does something with it that a signal may interrupt; prints what that returns.
    fn with(
        &self,
        unpack: impl FnOnce(&Image<'_>, &dyn Fn() -> bool) -> Result<(Report, String), Error>,
    ) -> Result<ExitCode, Failure> {
        let cancel = interrupt::watch()?;
        let limits = Limits { bytes: self.max_size << 20, entries: self.max_entries, ..Limits::default() };
        let (archive, name) = Archive::named(&self.archive, limits).map_err(failure)?;
        let image = archive.image(name.as_deref(), self.platform.as_ref()).map_err(failure)?;
        let (report, printed) = unpack(&image, &|| cancel.is_cancelled()).map_err(failure)?;
        for note in report.notes {
            say(&format!("isolab: note: {note}"));
        }
        output::print(&printed)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn failure(error: Error) -> Failure {
    match *error.problem {
        Problem::Cancelled => Failure::Interrupted,
        // Whatever else goes wrong with an archive lies in it, or in where it is to go.
        _ => Failure::input(error),
    }
}

fn list(path: &std::path::Path) -> Result<ExitCode, Failure> {
    let archive = Archive::open(path, Limits::default()).map_err(failure)?;
    let mut text = String::new();
    for image in archive.images().map_err(failure)? {
        let names = if image.names().is_empty() { "-".into() } else { image.names().join(", ") };
        let (platform, layers) = (image.platform(), image.layer_count());
        let digest = image.digest().unwrap_or_else(|| "-".into());
        writeln!(text, "{names}  {platform}  {layers} layers  {digest}").map_err(Failure::internal)?;
    }
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
