//! The disk of a guest: an ext4 file system in a sparse file.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::error::Error;
use crate::cancel::Cancel;
use crate::lab::tool;

/// The file system's own name and the seed of its directory hashes, the same for each, so that equal boots stay equal.
const UUID: &str = "15071ab0-0000-4000-8000-000000000000";
/// What e2fsprogs takes for the present, so that disks that are made alike are alike: the first second of 2020.
const PRESENT: &str = "1577836800";

/// Makes a disk of `bytes` at `path`, and returns the path.
///
/// # Errors
/// When there is no `mkfs.ext4`, or it fails, or the run is to stop.
pub fn make(path: &Path, bytes: u64, cancel: &Cancel) -> Result<PathBuf, Error> {
    let file = File::create(path).map_err(Error::io("make", path))?;
    file.set_len(bytes).map_err(Error::io("make", path))?;
    // Whatever is left for later, the guest's kernel would do behind the back of what is measured.
    let extended = format!("lazy_itable_init=0,lazy_journal_init=0,nodiscard,hash_seed={UUID}");
    let mut mkfs = tool::command("mkfs.ext4");
    mkfs.args(["-q", "-F", "-U", UUID, "-E", &extended]).arg(path);
    mkfs.env("E2FSPROGS_FAKE_TIME", PRESENT);
    tool::run(mkfs, "apt-get install e2fsprogs", cancel)?;
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn it_is_ext4_takes_little_space_and_is_always_the_same() {
        if tool::find("mkfs.ext4").is_none() && !isolab_core::need::met(&["mkfs.ext4"]) {
            return;
        }
        let scratch = Scratch::new().unwrap();
        let path = make(&scratch.path().join("disk"), 256 << 20, &Cancel::new()).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        // The magic number of the super block, which is 1024 bytes in.
        assert_eq!(bytes[1024 + 0x38..][..2], [0x53, 0xef]);
        let used = path.metadata().unwrap().blocks() * 512;
        assert!(used < 32 << 20, "{used} bytes");
        std::thread::sleep(std::time::Duration::from_millis(1100));
        let other = make(&scratch.path().join("other"), 256 << 20, &Cancel::new()).unwrap();
        assert!(std::fs::read(&other).unwrap() == bytes, "disks differ");
    }

    #[test]
    fn a_failure_is_said_in_mkfs_words() {
        if tool::find("mkfs.ext4").is_none() && !isolab_core::need::met(&["mkfs.ext4"]) {
            return;
        }
        let scratch = Scratch::new().unwrap();
        let error = make(&scratch.path().join("disk"), 1024, &Cancel::new()).unwrap_err().to_string();
        assert!(error.starts_with("mkfs.ext4 failed: ") && error.len() > 30, "{error}");
    }
}
