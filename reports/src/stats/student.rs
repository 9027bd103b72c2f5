//! Student's distribution with whole degrees of freedom, by its finite sums (Abramowitz, Stegun 1972, 26.7.3 and 26.7.4).

use std::f64::consts::PI;

/// Probability of a value farther from 0 than `t`, to either side.
#[must_use]
pub fn chance(t: f64, degrees: usize) -> f64 {
    let angle = (t.abs() / (degrees as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    // The sum's terms are cosⁿ, n odd or even as the degrees are not; each follows from the one before it.
    let odd = degrees % 2 == 1;
    let mut term = if odd { cosine } else { 1.0 };
    let mut sum = 0.0;
    let mut power = if odd { 1 } else { 0 };
    while power + 2 <= degrees {
        sum += term;
        power += 2;
        term *= cosine * cosine * (power - 1) as f64 / power as f64;
    }
    let within = if odd { 2.0 / PI * (angle + sine * sum) } else { sine * sum };
    (1.0 - within).clamp(0.0, 1.0)
}

/// The value that is exceeded, to either side, with this probability.
#[must_use]
pub fn quantile(probability: f64, degrees: usize) -> f64 {
    // Halving in logarithms: far out, where there are few degrees of freedom, as exact as near 0.
    let (mut low, mut high) = (1e-9_f64, 1e9_f64);
    for _ in 0..100 {
        let middle = (low * high).sqrt();
        if chance(middle, degrees) > probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_agree_with_tables() {
        // R: qt(1 - p / 2, df), the table in every textbook.
        for (probability, degrees, value) in [
            (0.01, 1, 63.657),
            (0.01, 2, 9.925),
            (0.01, 3, 5.841),
            (0.01, 4, 4.604),
            (0.05, 5, 2.571),
            (0.01, 10, 3.169),
            (0.05, 29, 2.045),
            (0.01, 30, 2.750),
            (0.001, 7, 5.408),
            (0.01, 120, 2.617),
        ] {
            let found = quantile(probability, degrees);
            assert!((found - value).abs() < 0.0006, "{probability} {degrees}: {found}");
        }
    }

    #[test]
    fn chance_is_the_quantile_turned_round() {
        for degrees in [1, 2, 3, 8, 17, 64] {
            for probability in [0.3, 0.05, 0.001] {
                let found = chance(quantile(probability, degrees), degrees);
                assert!((found - probability).abs() < 1e-9, "{degrees}: {found}");
            }
        }
        assert_eq!((chance(0.0, 3), chance(0.0, 4)), (1.0, 1.0));
        assert!(chance(f64::INFINITY, 5) < 1e-12);
    }
}
