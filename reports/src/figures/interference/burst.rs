//! A short stall told from a tail that is spread out: the same p99 can be either.

/// Nanoseconds of a window. Requests that are due within it share a stall.
const WINDOW: u64 = 20_000_000;
/// The share of requests that count as the slowest, in per mille.
const SLOWEST: usize = 50;
/// Fewer of them say nothing.
const FEWEST: usize = 10;
/// In this share of the windows, or fewer, that they would fall into if each came by itself, they came in stalls.
const STALLED: f64 = 0.5;

/// Where the slowest twentieth of the requests was due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burst {
    /// Windows of 20 ms that any of them was due in.
    pub hit: usize,
    /// All windows.
    pub windows: usize,
    /// How many windows they would hit if each came by itself.
    pub expected: f64,
}

impl Burst {
    /// Of the samples of each round, one every `period` nanoseconds.
    pub(super) fn of(rounds: &[&[u64]], period: u64) -> Option<Burst> {
        let mut all: Vec<u64> = rounds.iter().flat_map(|round| round.iter().copied()).collect();
        let slowest = all.len() * SLOWEST / 1000;
        if period == 0 || slowest < FEWEST {
            return None;
        }
        let at = all.len() - slowest;
        let limit = *all.select_nth_unstable(at).1;
        // A record may be anybody's: what is due in centuries is in the last window.
        let window = |request: usize| (request as u64).saturating_mul(period) / WINDOW;
        let (mut hit, mut windows) = (0, 0);
        for round in rounds {
            let late = (0..round.len()).filter(|&request| round[request] >= limit);
            let mut late: Vec<u64> = late.map(window).collect();
            late.dedup();
            hit += late.len();
            windows += window(round.len().saturating_sub(1)) as usize + 1;
        }
        let one = 1.0 - 1.0 / windows as f64;
        let expected = windows as f64 * (1.0 - one.powf(slowest as f64));
        Some(Burst { hit, windows, expected })
    }

    /// Whether they came in few stalls.
    pub fn is_stalled(&self) -> bool {
        (self.hit as f64) <= STALLED * self.expected
    }

    /// In words.
    pub fn line(&self) -> String {
        let how = if self.is_stalled() { "in short stalls" } else { "spread out" };
        format!("{how}: the slowest 5 % in {} of {} windows of 20 ms", self.hit, self.windows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stall_is_not_a_spread_tail() {
        let mut stalled = vec![10; 1000];
        stalled[500..550].fill(1000);
        let burst = Burst::of(&[&stalled], 1_000_000).unwrap();
        assert_eq!((burst.hit, burst.windows), (3, 50));
        assert!(burst.is_stalled() && burst.line().starts_with("in short stalls"));
        let spread: Vec<u64> = (0..1000).map(|request| if request % 20 == 0 { 1000 } else { 10 }).collect();
        let burst = Burst::of(&[&spread], 1_000_000).unwrap();
        assert!(!burst.is_stalled(), "{burst:?}");
    }

    #[test]
    fn too_few_say_nothing() {
        assert_eq!(Burst::of(&[&[1; 100]], 1_000_000), None);
        assert_eq!(Burst::of(&[&[1; 1000]], 0), None);
    }
}
