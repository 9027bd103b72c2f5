//! Kernel images: the header that boot loaders read.
//!
//! Documentation/arch/x86/boot.rst: `HdrS` at 0x202, and at 0x20e the place of the version, counted from 0x200. The header has one
//! sector more than 0x1f1 says, and the kernel behind it as many times 16 bytes as 0x1f4 says.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::Error;

/// The header and the code beside it have at most 64 sectors of 512 bytes.
const SETUP: u64 = 64 * 512;

/// The release that an image says it is, as `uname -r` will.
pub(super) fn release(image: &Path) -> Result<String, Error> {
    let setup = setup(image)?;
    let release = parse(&setup).ok_or_else(|| {
        Error::file(image, "is no bzImage (no boot header); a build has it at arch/x86/boot/bzImage")
    })?;
    let there = image.metadata().map_err(Error::io("find", image))?.len();
    match size(&setup).filter(|whole| there < *whole) {
        Some(whole) => {
            Err(Error::file(image, format!("is cut short: {there} bytes of {whole}; build or copy it again")))
        }
        None => Ok(release),
    }
}

/// The same, and `None` for what is no image.
pub(super) fn release_if_image(path: &Path) -> Result<Option<String>, Error> {
    if !path.is_file() {
        return Ok(None);
    }
    Ok(parse(&setup(path)?))
}

fn setup(path: &Path) -> Result<Vec<u8>, Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let mut setup = Vec::new();
    file.take(SETUP).read_to_end(&mut setup).map_err(Error::io("read", path))?;
    Ok(setup)
}

/// The bytes that an image has at least; signed ones have more.
fn size(setup: &[u8]) -> Option<u64> {
    // For the oldest images 0 means 4.
    let sectors = match *setup.get(0x1f1)? {
        0 => 4,
        sectors => u64::from(sectors),
    };
    let paragraphs: [u8; 4] = setup.get(0x1f4..0x1f8)?.try_into().ok()?;
    Some((sectors + 1) * 512 + u64::from(u32::from_le_bytes(paragraphs)) * 16)
}

fn parse(setup: &[u8]) -> Option<String> {
    if setup.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let place = usize::from(u16::from_le_bytes([*setup.get(0x20e)?, *setup.get(0x20f)?]));
    let version = setup.get(0x200 + place..)?.split(|&byte| byte == 0).next()?;
    let release = std::str::from_utf8(version).ok()?.split(' ').next()?;
    (!release.is_empty()).then(|| release.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn an_image_that_is_cut_short_is_refused() {
        let scratch = Scratch::new().unwrap();
        let path = scratch.path().join("bzImage");
        let mut image = vec![0; 2 * 512 + 3 * 16];
        image[0x1f1] = 1;
        image[0x1f4] = 3;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x20e..0x210].copy_from_slice(&0x100_u16.to_le_bytes());
        image[0x300..0x306].copy_from_slice(b"6.99\0 ");
        std::fs::write(&path, &image).unwrap();
        assert_eq!(release(&path).unwrap(), "6.99");
        std::fs::write(&path, &image[..image.len() - 1]).unwrap();
        let error = release(&path).unwrap_err().to_string();
        assert!(error.contains("is cut short: 1071 bytes of 1072"), "{error}");
    }

    #[test]
    fn the_release_is_read_and_garbage_is_refused() {
        let mut setup = vec![0; 0x400];
        setup[0x202..0x206].copy_from_slice(b"HdrS");
        setup[0x20e..0x210].copy_from_slice(&0x100_u16.to_le_bytes());
        setup[0x300..0x31b].copy_from_slice(b"6.1.0-56-cloud-amd64 (debia");
        assert_eq!(parse(&setup).as_deref(), Some("6.1.0-56-cloud-amd64"));
        setup[0x20e..0x210].copy_from_slice(&0x1000_u16.to_le_bytes());
        assert_eq!(parse(&setup), None);
        assert_eq!(parse(b"\x7fELF"), None);
        assert_eq!(parse(&[]), None);
    }
}
