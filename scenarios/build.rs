//! Lists the scenario files of `catalog/guarantees`, so that a new one is in the catalogue by being there.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    let folder = Path::new(&root).join("catalog/guarantees");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let mut list = "&[\n".to_owned();
    for name in names.iter().filter(|name| name.ends_with(".toml")) {
        let path = folder.join(name);
        writeln!(
            list,
            "    ({:?}, include_str!({:?})),",
            format!("guarantees/{name}"),
            path.display().to_string()
        )
        .map_err(io::Error::other)?;
    }
    list.push(']');
    fs::write(Path::new(&out).join("guarantees.rs"), list)
}
