//! Sets of CPUs and memory nodes, as lists such as `0-3,7`.

use crate::config::Reader;

/// A bit each, by number; below 1024.
pub type Mask = [u64; 16];

/// The numbers in a set, in order.
#[must_use]
pub fn numbers(mask: &Mask) -> Vec<u32> {
    (0..1024).filter(|number| mask[*number as usize / 64] >> (number % 64) & 1 == 1).collect()
}

/// Reads a list, or refuses it under `path`. An empty one is the empty set.
pub(crate) fn read_mask(reader: &mut Reader<'_>, path: &str, list: &str) -> Mask {
    parse(list).unwrap_or_else(|problem| {
        reader.refuse(path, problem);
        Mask::default()
    })
}

/// Reads a list, in the notation of `cpuset(7)` without strides.
fn parse(list: &str) -> Result<Mask, String> {
    let mut mask = Mask::default();
    for part in list.split(',').map(str::trim).filter(|_| !list.trim().is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<usize>().ok().filter(|number| digits && *number < 1024)
        };
        let (Some(first), Some(last)) = (number(first), number(last)) else {
            return Err(format!("{part:?} is neither a number below 1024 nor a range of them"));
        };
        if first > last {
            return Err(format!("{part:?} ends before it begins"));
        }
        for number in first..=last {
            mask[number / 64] |= 1 << (number % 64);
        }
    }
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_shown() {
        assert_eq!(numbers(&parse("0-3,7,1023").unwrap()), [0, 1, 2, 3, 7, 1023]);
        assert_eq!(numbers(&parse("").unwrap()), [0; 0]);
        assert_eq!(numbers(&parse("63-64, 64").unwrap()), [63, 64]);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for list in ["x", "1,", ",1", "-1", "1-", "3-1", "1024", "+1", "0-9-2", "99999999999999999999"] {
            assert!(parse(list).is_err(), "{list}");
        }
    }
}
