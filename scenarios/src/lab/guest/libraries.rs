//! The shared libraries that a program needs, found as its loader would find them here.
//!
//! What a program opens by name while it runs (`dlopen(3)`) is not found.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::Error;
use crate::cancel::Cancel;
use crate::lab::tool;

const MAGIC: [u8; 4] = *b"\x7fELF";

/// The libraries of a program or library, and its loader; none for what is linked statically or is no program.
pub(super) fn of(file: &Path, cancel: &Cancel) -> Result<Vec<PathBuf>, Error> {
    let mut magic = Vec::new();
    let opened = File::open(file).map_err(Error::io("open", file))?;
    opened.take(MAGIC.len() as u64).read_to_end(&mut magic).map_err(Error::io("read", file))?;
    if magic != MAGIC {
        return Ok(Vec::new());
    }
    // Its status says nothing: it fails for statically linked files too.
    let mut ldd = tool::command("ldd");
    ldd.arg(file);
    let output = tool::attempt(ldd, "apt-get install libc-bin", cancel)?;
    parse(&output.stdout).map_err(|library| {
        Error::carry(file, format!("it needs {library}, which is not here; install the package that has it"))
    })
}

/// What `ldd` printed: `name => path (address)`, or the loader's `path (address)`; the error is a library that was not
/// found. Lines without a path are the vDSO, or say that there is nothing to list.
fn parse(text: &str) -> Result<Vec<PathBuf>, String> {
    let mut paths = Vec::new();
    for line in text.lines().map(str::trim) {
        let (name, found) = line.split_once(" => ").unwrap_or((line, line));
        if found == "not found" {
            return Err(name.to_owned());
        }
        // The address is behind the last space; a path may have spaces itself.
        if let Some((path, _)) = found.rsplit_once(" (").filter(|(path, _)| path.starts_with('/')) {
            paths.push(path.into());
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_and_missing_libraries_named() {
        let text = "\tlinux-vdso.so.1 (0x00007ffe)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\
            \tlibx.so => /opt/a b/libx.so (0x00007f)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        let expected = ["/lib/x86_64-linux-gnu/libc.so.6", "/opt/a b/libx.so", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(parse(text), Ok(expected.map(PathBuf::from).to_vec()));
        assert_eq!(parse("\tstatically linked\n"), Ok(Vec::new()));
        assert_eq!(parse("\tlibnot.so.1 => not found\n"), Err("libnot.so.1".to_owned()));
    }

    #[test]
    fn a_static_program_and_a_text_need_nothing() {
        // The test binaries of this workspace are static.
        let own = std::env::current_exe().unwrap();
        assert_eq!(of(&own, &Cancel::new()).unwrap(), Vec::<PathBuf>::new());
        assert_eq!(of(Path::new("/proc/self/status"), &Cancel::new()).unwrap(), Vec::<PathBuf>::new());
    }
}
