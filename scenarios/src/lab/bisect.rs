//! The first of a list in which something changed, when it is so in the last and not in the first.
//!
//! Halving assumes that what changed stays changed. Where it came and went several times, one of the changes is found.

/// Places of two neighbours: the last that is like the first of the list, and the first that is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Like the first of the list.
    pub before: usize,
    /// Changed.
    pub after: usize,
}

/// What a look at one place says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As the first of the list.
    Same,
    /// Changed.
    Changed,
    /// It cannot be told, as when a kernel does not boot: its neighbours are looked at instead.
    Unknown,
}

/// Halves the places `0..count`, of which the first is known to be as before and the last to be changed. Where all
/// places between two neighbours cannot be told, they stay between them.
///
/// # Errors
/// What `look` fails with.
pub fn bisect<E>(count: usize, mut look: impl FnMut(usize) -> Result<Look, E>) -> Result<Found, E> {
    let (mut before, mut after) = (0, count.saturating_sub(1));
    let mut unknown = vec![false; count];
    while let Some(middle) = nearest(before, after, &unknown) {
        match look(middle)? {
            Look::Same => before = middle,
            Look::Changed => after = middle,
            Look::Unknown => unknown[middle] = true,
        }
    }
    Ok(Found { before, after })
}

/// The place strictly between two that is nearest to their middle and not known to be unknown.
fn nearest(before: usize, after: usize, unknown: &[bool]) -> Option<usize> {
    let middle = usize::midpoint(before, after);
    (before + 1..after).filter(|&place| !unknown[place]).min_by_key(|place| place.abs_diff(middle))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(count: usize, changed_at: usize, unknown: &[usize]) -> (Found, usize) {
        let mut looks = 0;
        let found = bisect::<()>(count, |place| {
            looks += 1;
            Ok(match place {
                _ if unknown.contains(&place) => Look::Unknown,
                _ if place >= changed_at => Look::Changed,
                _ => Look::Same,
            })
        });
        (found.unwrap(), looks)
    }

    #[test]
    fn finds_every_place_in_few_looks() {
        for count in 2..40 {
            for at in 1..count {
                let (found, looks) = found(count, at, &[]);
                assert_eq!(found, Found { before: at - 1, after: at });
                assert!(looks <= count.next_power_of_two().ilog2() as usize, "{looks} looks for {count}");
            }
        }
    }

    #[test]
    fn what_cannot_be_told_stays_in_between() {
        assert_eq!(found(9, 5, &[4]).0, Found { before: 3, after: 5 });
        assert_eq!(found(9, 5, &[3, 4, 5]).0, Found { before: 2, after: 6 });
        assert_eq!(found(3, 2, &[1]).0, Found { before: 0, after: 2 });
    }

    #[test]
    fn neighbours_need_no_look() {
        assert_eq!(found(2, 1, &[]), (Found { before: 0, after: 1 }, 0));
    }
}
