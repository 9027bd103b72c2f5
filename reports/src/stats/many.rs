//! Many comparisons at once: how small a chance must be, so that few of those that are named are false.

use isolab_core::planted::planted;

/// The largest `k / n × share` that `k` of the `n` chances do not exceed; for a single one where there is none. What does not exceed
/// it is false in at most this share of the cases, as is expected (Benjamini, Hochberg 1995).
pub fn level(chances: &mut [f64], share: f64) -> f64 {
    chances.sort_by(f64::total_cmp);
    let step = share / chances.len().max(1) as f64;
    let within = |(i, chance): &(usize, &f64)| **chance <= (i + 1) as f64 * step;
    let last = match planted("stops-at-the-first-excess") {
        true => chances.iter().enumerate().take_while(within).last(),
        false => chances.iter().enumerate().rfind(within),
    };
    last.map_or(step, |(i, _)| (i + 1) as f64 * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_steps_up_with_what_is_found() {
        // Ten chances: the bounds are 0.005, 0.010, 0.015, …
        let of = |few: &[f64]| level(&mut [few, &[0.5; 10][few.len()..]].concat(), 0.05);
        assert!((of(&[]) - 0.005).abs() < 1e-12);
        assert!((of(&[0.004]) - 0.005).abs() < 1e-12);
        // The second would not do by itself, and both do together; the third lifts all of them.
        assert!((of(&[0.008, 0.009]) - 0.010).abs() < 1e-12);
        assert!((of(&[0.014, 0.013, 0.014]) - 0.015).abs() < 1e-12);
        assert!((of(&[0.014, 0.014]) - 0.005).abs() < 1e-12);
    }
}
