//! PAX records (POSIX.1, pax), and the maps of sparse files.

use super::input::{Entry, Form, What};

/// The map as GNU tar writes it: with a piece of no bytes at the end of a file that ends in a hole. Not in the form 0.0, which needs
/// none.
pub(super) fn map(pieces: &[(u64, u64)], size: u64, form: Form) -> Vec<(u64, u64)> {
    let end = pieces.last().map_or(0, |(offset, length)| offset + length);
    let last = (form != Form::Pax00 && (end < size || pieces.is_empty())).then_some((size, 0));
    pieces.iter().copied().chain(last).collect()
}

/// The bytes of a sparse file's pieces, one after another.
pub(super) fn pieces(pieces: &[(u64, u64)]) -> impl Iterator<Item = (u64, Vec<u8>)> {
    pieces
        .iter()
        .enumerate()
        .map(|(nth, (offset, length))| (*offset, vec![b'A' + nth as u8; *length as usize]))
}

/// `LENGTH KEY=VALUE\n`, the length counting itself.
pub(super) fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    [length.to_string().as_bytes(), b" ", key.as_bytes(), b"=", value, b"\n"].concat()
}

pub(super) fn records(entry: &Entry, size: u64) -> Vec<u8> {
    let mut records = Vec::new();
    let mut add = |key: &str, value: &str| records.extend(record(key, value.as_bytes()));
    if entry.pax {
        add("uid", &entry.uid.to_string());
        add("gid", &entry.gid.to_string());
        add("mtime", &time(entry.mtime));
        add("size", &size.to_string());
    }
    if let What::Sparse { pieces, size, form } = &entry.what {
        let pieces = map(pieces, *size, *form);
        let size = size.to_string();
        let numbers = pieces.iter().flat_map(|(offset, length)| [offset.to_string(), length.to_string()]);
        match form {
            Form::Gnu => {}
            Form::Pax00 => {
                add("GNU.sparse.size", &size);
                add("GNU.sparse.numblocks", &pieces.len().to_string());
                for (offset, length) in &pieces {
                    add("GNU.sparse.offset", &offset.to_string());
                    add("GNU.sparse.numbytes", &length.to_string());
                }
            }
            Form::Pax01 => {
                add("GNU.sparse.size", &size);
                add("GNU.sparse.map", &numbers.collect::<Vec<_>>().join(","));
            }
            Form::Pax10 => {
                add("GNU.sparse.major", "1");
                add("GNU.sparse.minor", "0");
                add("GNU.sparse.realsize", &size);
            }
        }
    }
    for (name, value) in &entry.xattrs {
        records.extend(record(&format!("SCHILY.xattr.{name}"), value));
    }
    records
}

fn time((seconds, nanoseconds): (i64, i64)) -> String {
    match (seconds, nanoseconds) {
        (_, 0) => seconds.to_string(),
        (..0, _) => format!("-{}.{:09}", -(seconds + 1), 1_000_000_000 - nanoseconds),
        _ => format!("{seconds}.{nanoseconds:09}"),
    }
}
