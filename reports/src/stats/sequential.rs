//! The sign test, looked at after every sample: a bet on fair coins (`verdicts.md`).

/// Shares of the capital that are staked. Large ones find large effects within a dozen samples, small ones find small effects within
/// some ten thousand; the mean over them loses a factor of ten at most against the best, which is a few samples.
const SHARES: [f64; 10] =
    [0.9, 0.5, 0.25, 0.125, 0.0625, 0.031_25, 0.015_625, 0.007_812_5, 0.003_906_25, 0.001_953_125];

/// The logarithm of a gambler's capital who began with 1, and betted on each of `n` coins, of which `heads` fell his way.
fn log_capital(heads: u64, n: u64) -> f64 {
    let (heads, tails) = (heads as f64, n.saturating_sub(heads) as f64);
    let logs = SHARES.map(|share| heads * share.ln_1p() + tails * (-share).ln_1p());
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logs.iter().map(|log| (log - most).exp()).sum();
    most + (sum / SHARES.len() as f64).ln()
}

/// Whether so many heads contradict that heads come at most half of the time. Over all `n` together, a fair coin comes to that
/// with a probability of at most `error` (Ville 1939).
#[must_use]
pub fn contradicts(heads: u64, n: u64, error: f64) -> bool {
    log_capital(heads, n) >= -error.ln()
}

/// The fewest heads among `n` that [contradict](contradicts) a fair coin; `None` where not even all do.
#[must_use]
pub fn fewest_heads(n: u64, error: f64) -> Option<u64> {
    if !contradicts(n, n, error) {
        return None;
    }
    // The capital falls first and then grows with the heads, and is below 1 at half of them.
    let (mut too_few, mut enough) = (n / 2, n);
    while enough - too_few > 1 {
        let middle = too_few.midpoint(enough);
        if contradicts(middle, n, error) { enough = middle } else { too_few = middle }
    }
    Some(enough)
}

/// The interval of the median of what was seen in ascending order, that no look at it, at any time, finds without the true one with more than the
/// probability `error`; `None` while there are too few.
#[must_use]
pub fn interval(ascending: &[f64], error: f64) -> Option<[f64; 2]> {
    let n = ascending.len();
    let heads = usize::try_from(fewest_heads(n as u64, error / 2.0)?).ok()?;
    // So many are above all that lies below this one.
    Some([ascending[n - heads], ascending[heads - 1]])
}

#[cfg(test)]
mod tests {
    use super::super::dice::Dice;
    use super::*;

    #[test]
    fn a_dozen_of_one_kind_is_enough() {
        // 1.9ⁿ / 10 and a little more ≥ 200.
        assert_eq!(fewest_heads(11, 0.005), None);
        assert_eq!(fewest_heads(12, 0.005), Some(12));
    }

    #[test]
    fn the_capital_of_a_fair_coin_is_expected_to_stay() {
        // Over all ways that ten coins can fall; the middle ones alone lose.
        let choose = |n: u64, k: u64| (0..k).fold(1.0, |all, i| all * (n - i) as f64 / (i + 1) as f64);
        let mean: f64 =
            (0..=10).map(|heads| choose(10, heads) * log_capital(heads, 10).exp()).sum::<f64>() / 1024.0;
        assert!((mean - 1.0).abs() < 1e-12, "{mean}");
        assert!(log_capital(5_000, 10_000) < 0.0);
    }

    #[test]
    fn bounds_are_the_first_that_contradict() {
        for n in [12, 13, 100, 1_001, 30_000] {
            let heads = fewest_heads(n, 0.005).unwrap();
            assert!(contradicts(heads, n, 0.005) && !contradicts(heads - 1, n, 0.005), "{n}: {heads}");
        }
    }

    #[test]
    fn looked_at_all_the_time_a_fair_coin_is_hardly_ever_contradicted() {
        let mut dice = Dice::new();
        let alarms = (0..2000).filter(|_| {
            let mut heads = 0;
            (1..=1000).any(|n| {
                heads += dice.bits() >> 63;
                contradicts(heads, n, 0.05)
            })
        });
        // At most 100 expected, and a standard deviation of 10.
        let alarms = alarms.count();
        assert!((10..=130).contains(&alarms), "{alarms}");
    }

    #[test]
    fn intervals_are_of_ranks() {
        let ascending: Vec<f64> = (1..=100).map(f64::from).collect();
        let heads = fewest_heads(100, 0.005).unwrap() as f64;
        assert_eq!(interval(&ascending, 0.01), Some([101.0 - heads, heads]));
        assert_eq!(interval(&ascending[..11], 0.01), None);
    }
}
