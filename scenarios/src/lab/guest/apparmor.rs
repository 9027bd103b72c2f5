//! AppArmor policies, compiled outside: the guest has no parser.

use std::fs;
use std::path::Path;

use super::carry::{Carried, Content};
use super::error::Error;
use crate::cancel::Cancel;
use crate::lab::tool;
use crate::scratch::Scratch;

/// How a compiled policy begins: its first field is called `version` (`policy_unpack.c` in the kernel).
const COMPILED: &[u8] = b"\x04\x08\0version\0";
/// What a kernel mediates, as files that come with the parser, best first. Without one the parser asks the running kernel,
/// and where that has no AppArmor it leaves out what kernels of long ago did not know, such as mount rules.
const FEATURES: [&str; 2] = ["/etc/apparmor.d/abi/4.0", "/etc/apparmor.d/abi/3.0"];

/// A policy for a guest to load: compiled here, unless it is compiled already.
///
/// # Errors
/// When it cannot be read, there is no `apparmor_parser`, or that refuses it, or the run is to stop.
pub fn policy(file: &Path, cancel: &Cancel) -> Result<Carried, Error> {
    let mut bytes = fs::read(file).map_err(Error::io("read", file))?;
    if !bytes.starts_with(COMPILED) {
        bytes = compile(file, cancel)?;
    }
    let name = file.file_name().ok_or_else(|| Error::carry(file, "it has no name"))?;
    Ok(Carried {
        path: Path::new("/etc/apparmor").join(name),
        content: Content::Bytes { mode: 0o644, bytes },
    })
}

fn compile(file: &Path, cancel: &Cancel) -> Result<Vec<u8>, Error> {
    let scratch = Scratch::new().map_err(Error::io("make a directory below", &std::env::temp_dir()))?;
    let compiled = scratch.path().join("policy");
    let features = FEATURES.iter().map(Path::new).find(|path| path.exists());
    let mut parser = tool::command("apparmor_parser");
    if let Some(features) = features {
        parser.arg("--features-file").arg(features);
    }
    parser.args(["--skip-kernel-load", "--skip-cache", "--quiet", "--ofile"]).arg(&compiled).arg(file);
    tool::run(parser, "apt-get install apparmor", cancel)?;
    fs::read(&compiled).map_err(Error::io("read", &compiled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_compiled_and_a_compiled_one_taken() {
        if !isolab_core::need::met(&["apparmor_parser"]) {
            return;
        }
        let scratch = Scratch::new().unwrap();
        let source = scratch.path().join("source");
        fs::write(&source, "profile isolab-test { /** r, deny mount, }\n").unwrap();
        let Content::Bytes { bytes, .. } = policy(&source, &Cancel::new()).unwrap().content else {
            panic!("not bytes")
        };
        assert!(bytes.starts_with(COMPILED));
        let compiled = scratch.path().join("compiled");
        fs::write(&compiled, &bytes).unwrap();
        assert_eq!(policy(&compiled, &Cancel::new()).unwrap().content, Content::Bytes { mode: 0o644, bytes });
        fs::write(&source, "profile {").unwrap();
        let error = policy(&source, &Cancel::new()).unwrap_err().to_string();
        assert!(error.contains("apparmor_parser failed: ") && error.contains("syntax error"), "{error}");
    }
}
