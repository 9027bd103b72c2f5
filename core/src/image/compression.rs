//! Compressed content, recognised by its first bytes: gzip (RFC 1952) and zstd (RFC 8878), both also in several parts
//! one after another, as pigz, estargz and zstd:chunked write them.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Skippable frames have the magic numbers 0x184D2A50 to 0x184D2A5F, least byte first.
const ZSTD_SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];

/// Decompresses a source to its end.
pub(super) enum Decoder<R: Read> {
    Plain(BufReader<R>),
    Gzip(Box<MultiGzDecoder<BufReader<R>>>),
    Zstd(Box<Frames<BufReader<R>>>),
}

impl<R: Read> Decoder<R> {
    pub(super) fn new(source: R) -> io::Result<Decoder<R>> {
        let mut source = BufReader::with_capacity(1 << 16, source);
        let first = first_bytes(&mut source)?;
        Ok(match first.as_slice() {
            bytes if bytes.starts_with(&GZIP) => Decoder::Gzip(Box::new(MultiGzDecoder::new(source))),
            bytes if bytes.starts_with(&ZSTD) || is_skippable(bytes) => {
                Decoder::Zstd(Box::new(Frames::new(source)))
            }
            _ => Decoder::Plain(source),
        })
    }

    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Decoder::Plain(_))
    }
}

fn first_bytes(source: &mut impl BufRead) -> io::Result<Vec<u8>> {
    // One read of a file gives more than four bytes, unless it has fewer.
    Ok(source.fill_buf()?.iter().take(4).copied().collect())
}

fn is_skippable(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|byte| byte & 0xf0 == 0x50) && bytes.get(1..4) == Some(&ZSTD_SKIPPABLE)
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Decoder::Plain(source) => source.read(buffer),
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstd(frames) => frames.read(buffer),
        }
    }
}

/// Zstd frames one after another; those to be skipped are.
pub(super) struct Frames<R> {
    source: R,
    decoder: FrameDecoder,
    within: bool,
}

impl<R: BufRead> Frames<R> {
    fn new(source: R) -> Frames<R> {
        Frames { source, decoder: FrameDecoder::new(), within: false }
    }

    /// Enters the next frame, or skips it; `false` at the end of the source.
    fn enter(&mut self) -> io::Result<bool> {
        use FrameDecoderError::ReadFrameHeaderError as Header;
        if self.source.fill_buf()?.is_empty() {
            return Ok(false);
        }
        match self.decoder.reset(&mut self.source) {
            Ok(()) => self.within = true,
            Err(Header(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                io::copy(&mut self.source.by_ref().take(length.into()), &mut io::sink())?;
            }
            Err(error) => return Err(invalid(&error)),
        }
        Ok(true)
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.within {
                if !self.enter()? {
                    return Ok(0);
                }
                continue;
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.source, one).map_err(|error| invalid(&error))?;
            }
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            self.within = false;
        }
    }
}

fn invalid(error: &FrameDecoderError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("zstd: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        Decoder::new(bytes)?.read_to_end(&mut read)?;
        Ok(read)
    }

    #[test]
    fn parts_one_after_another_are_one_content() {
        let skipped = [&[0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        assert_eq!(read(b"plain").unwrap(), b"plain");
        assert_eq!(read(b"").unwrap(), b"");
        assert_eq!(read(&[gzip(b"one"), gzip(b" two")].concat()).unwrap(), b"one two");
        let frames = [skipped.clone(), zstd(b"one"), skipped, zstd(b" two")].concat();
        assert_eq!(read(&frames).unwrap(), b"one two");
    }

    #[test]
    fn damage_and_garbage_are_errors() {
        for packed in [gzip(&[7; 1000]), zstd(&[7; 1000])] {
            assert!(read(&packed[..packed.len() - 5]).is_err());
            assert!(read(&[&packed[..], b"garbage"].concat()).is_err());
        }
    }
}
