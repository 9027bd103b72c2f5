//! Layout and phase of a boot, derived from its seed.
//!
//! On the counted clock equal boots agree to the nanosecond, which says nothing about the next build of the same kernel. So what
//! moves figures without meaning anything is varied on purpose: where the kernel's early allocations lie, by the length
//! of the command line; and when the work begins within the periods of timers and grace periods, by a delay.

use isolab_reports::lab::record::Layout;

use crate::schedule::Random;

/// Bytes of padding, at most: some cache lines, and less than the 2048 bytes that a command line may have.
const PADDING: u64 = 512;
/// Microseconds of delay, at most: several periods of the slowest tick (`CONFIG_HZ=100`).
const DELAY: u64 = 50_000;

/// The layout of a seed.
#[must_use]
pub(super) fn layout(seed: u64) -> Layout {
    let mut random = Random::new(seed);
    let mut below = |limit: u64| u32::try_from(random.next() % limit).unwrap_or_default();
    Layout { seed, padding: below(PADDING), delay: below(DELAY) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_decide_and_differ() {
        assert_eq!(layout(7), layout(7));
        let mut layouts: Vec<(u32, u32)> =
            (0..100).map(|seed| (layout(seed).padding, layout(seed).delay)).collect();
        layouts.sort_unstable();
        layouts.dedup();
        assert!(layouts.len() > 98, "{}", layouts.len());
        assert!(layouts.iter().any(|l| l.0 < 64) && layouts.iter().any(|l| l.0 > 448));
    }
}
