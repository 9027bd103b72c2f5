//! PAX extended headers (POSIX.1, pax): `LENGTH KEY=VALUE\n`, one record after another.
//!
//! Values are bytes: the length counts, not the newline, which a capability set may hold too.

use super::error::Problem;
use crate::planted::planted;

/// What the records say about the entry that follows. Unknown keys are ignored, as POSIX demands.
#[derive(Debug, Default, Clone)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) mtime: Option<(i64, i64)>,
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) sparse: Sparse,
}

/// The `GNU.sparse.*` records of GNU tar's three PAX forms of a sparse file.
#[derive(Debug, Default, Clone)]
pub(super) struct Sparse {
    /// Form 1.0: the map stands before the data.
    pub(super) map_in_data: bool,
    /// Forms 0.0 and 0.1: offsets and lengths in turn.
    pub(super) numbers: Vec<u64>,
    /// The file's own name, where `path` is another.
    pub(super) name: Option<Vec<u8>>,
    /// The file's size with its holes.
    pub(super) size: Option<u64>,
}

impl Pax {
    /// Reads the records.
    pub(super) fn read(mut bytes: &[u8]) -> Result<Pax, Problem> {
        let mut pax = Pax::default();
        while !bytes.is_empty() {
            let broken = || Problem::format("a PAX record is not LENGTH KEY=VALUE");
            let space = bytes.iter().position(|byte| *byte == b' ').ok_or_else(broken)?;
            let length = number(bytes.get(..space).unwrap_or_default()).ok_or_else(broken)?;
            let length = usize::try_from(length).map_err(|_| broken())?;
            let record = bytes.get(space + 1..length).ok_or_else(broken)?;
            let record = record.strip_suffix(b"\n").ok_or_else(broken)?;
            let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(broken)?;
            let (key, value) = record.split_at(equals);
            let mut value = value.get(1..).unwrap_or_default();
            if planted("record-ends-at-a-newline") {
                value = value.split(|byte| *byte == b'\n').next().unwrap_or_default();
            }
            pax.set(key, value)?;
            bytes = bytes.get(length..).unwrap_or_default();
        }
        Ok(pax)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Problem> {
        let wrong =
            || Problem::format(format!("PAX {}: {:?}", key.escape_ascii(), value.escape_ascii().to_string()));
        let parsed = || number(value).ok_or_else(wrong);
        match key {
            b"path" => self.path = Some(value.to_owned()),
            b"linkpath" => self.link = Some(value.to_owned()),
            b"size" => self.size = Some(parsed()?),
            b"uid" => self.uid = Some(parsed()?),
            b"gid" => self.gid = Some(parsed()?),
            b"mtime" => self.mtime = Some(time(value).ok_or_else(wrong)?),
            b"GNU.sparse.major" => self.sparse.map_in_data = parsed()? == 1,
            b"GNU.sparse.name" => self.sparse.name = Some(value.to_owned()),
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.sparse.size = Some(parsed()?),
            b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => self.sparse.numbers.push(parsed()?),
            b"GNU.sparse.map" => {
                let numbers = value.split(|byte| *byte == b',').map(number);
                self.sparse.numbers = numbers.collect::<Option<_>>().ok_or_else(wrong)?;
            }
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.xattrs.push((name.to_owned(), value.to_owned()));
                }
            }
        }
        Ok(())
    }
}

/// A decimal number without sign.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    let digits = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(bytes).ok()?.parse().ok())?
}

/// Seconds since 1970 with a fraction, such as `-1.5`, as seconds and nanoseconds that count forward.
fn time(bytes: &[u8]) -> Option<(i64, i64)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let negative = whole.starts_with('-');
    let seconds: i64 = whole.parse().ok()?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    match (negative && !planted("fraction-counts-forward"), nanoseconds) {
        (true, 1..) => Some((seconds.checked_sub(1)?, 1_000_000_000 - nanoseconds)),
        _ => Some((seconds, nanoseconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_hold_newlines_and_nothing() {
        let pax = Pax::read(b"29 SCHILY.xattr.user.a=1\n2=3\n\x00\n12 mtime=-1.5\n").err();
        assert!(pax.is_some(), "a length that does not end at a newline");
        let pax = Pax::read(b"29 SCHILY.xattr.user.a=1\n2=3\n14 mtime=-1.5\n10 path=a\n").unwrap();
        assert_eq!(pax.xattrs, [(b"user.a".to_vec(), b"1\n2=3".to_vec())]);
        assert_eq!((pax.mtime, pax.path), (Some((-2, 500_000_000)), Some(b"a".to_vec())));
    }

    #[test]
    fn broken_records_are_refused() {
        let broken: [&[u8]; 8] = [
            b"9 path=a",
            b"x path=a\n",
            b"99 path=a\n",
            b"3 \n",
            b"7 patha\n",
            b"11 size=-1\n",
            b"12 mtime=1.x\n",
            b"0 path=a\n",
        ];
        for bytes in broken {
            assert!(Pax::read(bytes).is_err(), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn times_are_decimal_fractions() {
        assert_eq!(time(b"1700000000.25"), Some((1_700_000_000, 250_000_000)));
        assert_eq!(time(b"7"), Some((7, 0)));
        assert_eq!(time(b"-0.25"), Some((-1, 750_000_000)));
        assert_eq!(time(b"1.1234567891"), Some((1, 123_456_789)));
        assert_eq!(time(b""), None);
    }
}
