//! Seeds as a user writes them: `8` for the first eight, `9-16` for a range, `3,7` for a list.

use std::str::FromStr;

/// Seeds in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seeds(pub(super) Vec<u64>);

/// More boots than anybody waits for.
const MOST: u64 = 10_000;

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Seeds, String> {
        let number = |text: &str| {
            let parsed = text.trim().parse::<u64>();
            parsed
                .map_err(|error| format!("{text:?}: {error}; give a number, a range such as 9-16, or a list"))
        };
        let range = |first: u64, last: u64| match last.checked_sub(first) {
            Some(more) if more < MOST => Ok(Seeds((first..=last).collect())),
            Some(_) => Err(format!("more than {MOST} seeds")),
            None => Err(format!("{first}-{last} is empty")),
        };
        match text.split_once('-') {
            Some((first, last)) => range(number(first)?, number(last)?),
            None if text.contains(',') => Ok(Seeds(text.split(',').map(number).collect::<Result<_, _>>()?)),
            None => range(1, number(text)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ranges_and_lists() {
        let read = |text: &str| Seeds::from_str(text).map(|seeds| seeds.0);
        assert_eq!(read("3"), Ok(vec![1, 2, 3]));
        assert_eq!(read("9-11"), Ok(vec![9, 10, 11]));
        assert_eq!(read("7, 3,3"), Ok(vec![7, 3, 3]));
        for bad in ["", "0", "5-4", "x", "1-", "1-99999999", "18446744073709551615"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
