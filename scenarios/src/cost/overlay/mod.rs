//! Overlay I/O, against the plain file system below: [`quick`] for the quick look, [`axes`] for what there is to vary.

pub mod axes;
pub mod quick;

mod image;
mod lane;
mod mounted;
mod series;
mod trees;
mod variant;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use isolab_core::observe::MountInfo;
use serde_json::{Value, json};

pub use quick::{ID, QUICK, run};

/// Where the files of the overlays are, in the container and below its root directory.
const DATA: &str = "data";

/// The directories of an overlay that are written to.
struct Upper {
    upper: PathBuf,
    work: PathBuf,
}

impl Upper {
    /// Makes them in `dir`.
    fn new(dir: &Path) -> io::Result<Upper> {
        let (upper, work) = (dir.join("upper"), dir.join("work"));
        fs::create_dir_all(&upper)?;
        fs::create_dir_all(&work)?;
        Ok(Upper { upper, work })
    }
}

/// Makes the root an overlay of `lower`, topmost first. The mount comes first: everything else is mounted on it.
fn overlay_root(config: &mut Value, lower: &[PathBuf], upper: &Upper, options: &[&str]) {
    let option = |name: &str, path: &Path| format!("{name}={}", path.display());
    let lower: Vec<String> = lower.iter().map(|layer| layer.display().to_string()).collect();
    let mut all = vec![
        format!("lowerdir={}", lower.join(":")),
        option("upperdir", &upper.upper),
        option("workdir", &upper.work),
    ];
    all.extend(options.iter().map(|&option| option.to_owned()));
    let root = json!({"destination": "/", "type": "overlay", "source": "overlay", "options": all});
    match config["mounts"].as_array_mut() {
        Some(mounts) => mounts.insert(0, root),
        None => config["mounts"] = json!([root]),
    }
}

/// The type of the file system that holds `path`: that of the deepest, and of these the last, mount above it.
fn file_system_of<'m>(mounts: &'m [MountInfo], path: &Path) -> Option<&'m str> {
    let above = mounts.iter().filter(|mount| path.starts_with(&mount.target));
    above.max_by_key(|mount| Path::new(&mount.target).components().count()).map(|mount| mount.fstype.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overlay_is_mounted_before_everything_else() {
        let mut config = json!({"mounts": [{"destination": "/proc"}]});
        let upper = Upper { upper: "/u".into(), work: "/w".into() };
        overlay_root(&mut config, &["/l".into(), "/m".into()], &upper, &["volatile"]);
        let options = json!(["lowerdir=/l:/m", "upperdir=/u", "workdir=/w", "volatile"]);
        assert_eq!(config["mounts"][0]["options"], options);
        assert_eq!(config["mounts"][1]["destination"], "/proc");
    }
}
