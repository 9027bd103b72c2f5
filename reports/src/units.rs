//! Numbers as people read them: three significant digits, a unit, and never without spread and count.
//!
//! A number and its unit are joined by a no-break space, so that no page parts them.

use crate::stats::{Paired, Summary, Tail, Unpaired};

/// A duration in nanoseconds with three significant digits: `842 ns`, `12.4 µs`, `0.84 ms` is `840 µs`.
pub fn nanos(nanos: f64) -> String {
    let unit = Unit::of(nanos);
    format!("{:.*}\u{a0}{}", unit.places(nanos), nanos / unit.scale, unit.name)
}

/// A rate of work units: `1.24 M/s`.
pub fn rate(per_second: f64) -> String {
    let (scale, prefix) = match per_second.abs() {
        rate if rate >= 1e9 => (1e9, "\u{a0}G"),
        rate if rate >= 1e6 => (1e6, "\u{a0}M"),
        rate if rate >= 1e3 => (1e3, "\u{a0}k"),
        _ => (1.0, "\u{a0}"),
    };
    format!("{}{prefix}/s", digits(per_second / scale))
}

/// A size in bytes, in binary units: `7.75 GiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{}\u{a0}{}", digits(value), UNITS[unit])
}

/// A share as a percentage: 0.0213 is `2.1 %`.
pub fn percent(share: f64) -> String {
    format!("{:.1}\u{a0}%", share * 100.0)
}

/// So many of something: `1 run`, `2 runs`; what ends with s stays as it is.
pub fn counted(count: usize, what: &str) -> String {
    let end = if count == 1 || what.ends_with('s') { "" } else { "s" };
    format!("{count} {what}{end}")
}

/// A ratio as a change in percent with its sign and two decimals: 1.0312 is `+3.12 %`.
pub fn change(ratio: f64) -> String {
    let change = format!("{:.2}", (ratio - 1.0).abs() * 100.0);
    let sign = if change == "0.00" { "" } else { sign(ratio - 1.0) };
    format!("{sign}{change}\u{a0}%")
}

/// Seconds since the epoch as `2026-01-02 03:04 UTC`.
pub fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Civil date from a day count, proleptic Gregorian: Hinnant, "chrono-compatible low-level date algorithms".
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", rest / 3600, rest / 60 % 60)
}

struct Unit {
    scale: f64,
    name: &'static str,
}

impl Unit {
    /// The unit in which a duration has one to three digits before the point.
    fn of(nanos: f64) -> Unit {
        // Thresholds at what rounds to 1000 of the smaller unit.
        match nanos.abs() {
            n if n >= 999.5e6 => Unit { scale: 1e9, name: "s" },
            n if n >= 999.5e3 => Unit { scale: 1e6, name: "ms" },
            n if n >= 999.5 => Unit { scale: 1e3, name: "µs" },
            _ => Unit { scale: 1.0, name: "ns" },
        }
    }

    /// Digits after the point; none for nanoseconds, which is what the clock counts in.
    fn places(&self, nanos: f64) -> usize {
        if self.scale > 1.0 { decimals(nanos / self.scale) } else { 0 }
    }
}

/// Digits after the point that make three significant ones.
fn decimals(value: f64) -> usize {
    match value.abs() {
        v if v >= 99.95 || v == 0.0 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    }
}

fn digits(value: f64) -> String {
    format!("{value:.0$}", decimals(value))
}

impl Summary {
    /// The median of nanoseconds: `1.24 ms`.
    pub fn value(&self) -> String {
        nanos(self.median)
    }

    /// Its spread in the same unit, and the count: `±0.05 · n 40`.
    pub fn spread(&self) -> String {
        let unit = Unit::of(self.median);
        let mad = self.mad / unit.scale;
        // A spread that is small beside its median keeps one digit of its own.
        let own =
            if mad > 0.0 && unit.scale > 1.0 { (-mad.log10().floor()).clamp(0.0, 3.0) as usize } else { 0 };
        let places = unit.places(self.median).max(own);
        format!("±{mad:.places$}\u{a0}{}", count(self.n))
    }

    /// The spread of a rate as a share of its median, and the count: `±1.4 % · n 6`.
    pub fn relative_spread(&self) -> String {
        let share = if self.median == 0.0 { 0.0 } else { self.mad / self.median };
        format!("±{}\u{a0}{}", percent(share), count(self.n))
    }

    /// Both: `1.24 ms ±0.05 · n 40`.
    pub fn line(&self) -> String {
        format!("{} {}", self.value(), self.spread())
    }

    /// Quartiles, range and interval in words, for those who ask.
    pub fn detail(&self) -> String {
        let [q1, q3] = self.quartiles.map(nanos);
        let [min, max] = self.range.map(nanos);
        let interval = self.interval.map_or(String::new(), |i| {
            let (low, high) = (nanos(i.low), nanos(i.high));
            format!("; median between {low} and {high} with {:.1}\u{a0}% confidence", i.coverage * 100.0)
        });
        format!("{} samples, half of them from {q1} to {q3}, all from {min} to {max}{interval}", self.n)
    }
}

impl Tail {
    /// p50, p90, p99, p99.9 and the maximum; a dash for a percentile that needs more samples.
    pub fn cells(&self) -> [String; 5] {
        [Some(self.p50), self.p90, self.p99, self.p999, Some(self.max)]
            .map(|value| value.map_or("–".to_string(), nanos))
    }

    /// p50 and, where there are samples for it, p99: `p50 52.1 µs, p99 120 µs · n 4000`.
    pub fn line(&self) -> String {
        let p99 = self.p99.map_or(String::new(), |p99| format!(", p99\u{a0}{}", nanos(p99)));
        format!("p50\u{a0}{}{p99}\u{a0}{}", nanos(self.p50), count(self.n))
    }
}

/// Bounds are in round brackets where they are an interval, in square ones where they are the range of too few pairs
/// for one, and absent for a single pair.
impl Paired {
    /// A ratio: `×1.24`.
    pub fn ratio_value(&self) -> String {
        format!("×{}", digits(self.median))
    }

    /// Its bounds: `(1.20–1.29)`.
    pub fn ratio_bounds(&self) -> String {
        // The word joiner keeps a line from breaking after the dash.
        self.brackets(&format!("{}–\u{2060}{}", digits(self.low), digits(self.high)))
    }

    /// Bounds and count: `(1.20–1.29) · n 40`.
    pub fn ratio_spread(&self) -> String {
        self.counted(self.ratio_bounds())
    }

    /// Value, bounds, count: `×1.24 (1.20–1.29) · n 40`.
    pub fn ratio_line(&self) -> String {
        format!("{} {}", self.ratio_value(), self.ratio_spread())
    }

    /// A difference of nanoseconds: `+38.1 µs`.
    pub fn difference_value(&self) -> String {
        difference(self.median)
    }

    /// Its bounds: `(+31.0 to +44.1 µs)`.
    pub fn difference_bounds(&self) -> String {
        self.brackets(&differences(self.low, self.high))
    }

    /// Value, bounds, count.
    pub fn difference_line(&self) -> String {
        format!("{} {}", self.difference_value(), self.counted(self.difference_bounds()))
    }

    /// A ratio as the share that was lost or won: 0.62 is `−38 %`.
    pub fn change_value(&self) -> String {
        signed_percent(self.median)
    }

    /// Its bounds: `(−41 to −35 %)`.
    pub fn change_bounds(&self) -> String {
        let low = signed_percent(self.low).replace("\u{a0}%", "");
        self.brackets(&format!("{low} to {}", signed_percent(self.high)))
    }

    /// Value, bounds, count.
    pub fn change_line(&self) -> String {
        format!("{} {}", self.change_value(), self.counted(self.change_bounds()))
    }

    fn brackets(&self, bounds: &str) -> String {
        match (self.pairs, self.coverage) {
            (1, _) => String::new(),
            (_, Some(_)) => format!("({bounds})"),
            (_, None) => format!("[{bounds}]"),
        }
    }

    fn counted(&self, bounds: String) -> String {
        let space = if bounds.is_empty() { "" } else { "\u{a0}" };
        format!("{bounds}{space}{}", count(self.pairs))
    }
}

/// As those of [`Paired`], but a change is finer: between kernels, half a percent is something.
impl Unpaired {
    /// A ratio as a change: 1.031 is `+3.1 %`.
    pub fn change_value(&self) -> String {
        fine_percent(self.median, self.median)
    }

    /// Its bounds: `(+2.8 to +3.3 %)`.
    pub fn change_bounds(&self) -> String {
        let finest = if (self.low - 1.0).abs() < (self.high - 1.0).abs() { self.low } else { self.high };
        let low = fine_percent(self.low, finest).replace("\u{a0}%", "");
        self.brackets(&format!("{low} to {}", fine_percent(self.high, finest)))
    }

    /// A difference of nanoseconds: `+38.1 µs`.
    pub fn difference_value(&self) -> String {
        difference(self.median)
    }

    /// Its bounds: `(+31.0 to +44.1 µs)`.
    pub fn difference_bounds(&self) -> String {
        self.brackets(&differences(self.low, self.high))
    }

    fn brackets(&self, bounds: &str) -> String {
        match (self.sizes, self.coverage) {
            ([1, 1], _) => String::new(),
            (_, Some(_)) => format!("({bounds})"),
            (_, None) => format!("[{bounds}]"),
        }
    }
}

/// A signed duration: `+38.1 µs`.
pub fn difference(nanoseconds: f64) -> String {
    format!("{}{}", sign(nanoseconds), nanos(nanoseconds.abs()))
}

/// Two signed durations in one unit: `+31.0 to +44.1 µs`.
fn differences(low: f64, high: f64) -> String {
    let widest = low.abs().max(high.abs());
    let unit = Unit::of(widest);
    let places = unit.places(widest);
    let number = |bound: f64| format!("{}{:.places$}", sign(bound), bound.abs() / unit.scale);
    format!("{} to {}\u{a0}{}", number(low), number(high), unit.name)
}

/// A ratio as a signed change in percent with two significant digits of `finest`, but no more than two decimals.
fn fine_percent(ratio: f64, finest: f64) -> String {
    let places = match (finest - 1.0).abs() * 100.0 {
        change if change >= 9.95 => 0,
        change if change >= 0.995 => 1,
        _ => 2,
    };
    let change = format!("{:.places$}", (ratio - 1.0).abs() * 100.0);
    let zero = change.chars().all(|c| c == '0' || c == '.');
    format!("{}{change}\u{a0}%", if zero { "" } else { sign(ratio - 1.0) })
}

fn count(n: usize) -> String {
    format!("·\u{a0}n\u{a0}{n}")
}

/// A ratio as a signed change in percent, with the true minus sign.
fn signed_percent(ratio: f64) -> String {
    let change = ((ratio - 1.0) * 100.0).round();
    format!("{}{:.0}\u{a0}%", sign(change), change.abs())
}

fn sign(value: f64) -> &'static str {
    match value {
        v if v < 0.0 => "−",
        v if v > 0.0 => "+",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Sorted;

    fn plain(text: &str) -> String {
        text.replace('\u{a0}', " ").replace('\u{2060}', "")
    }

    #[test]
    fn three_significant_digits_in_the_unit_that_fits() {
        let shown =
            [0.0, 7.0, 842.0, 999.6, 12_410.0, 999_600.0, 1_244_000.0, 35e6, 2.5e9].map(|n| plain(&nanos(n)));
        let wanted =
            ["0 ns", "7 ns", "842 ns", "1.00 µs", "12.4 µs", "1.00 ms", "1.24 ms", "35.0 ms", "2.50 s"];
        assert_eq!(shown, wanted);
    }

    #[test]
    fn spread_shares_the_unit_and_never_rounds_away() {
        let line = |samples: &[u64]| plain(&Sorted::nanos(samples).summary().unwrap().line());
        assert_eq!(line(&[1_190_000, 1_240_000, 1_290_000]), "1.24 ms ±0.05 · n 3");
        assert_eq!(line(&[1_238_000, 1_240_000, 1_242_000]), "1.24 ms ±0.002 · n 3");
        assert_eq!(line(&[5, 5, 5]), "5 ns ±0 · n 3");
    }

    #[test]
    fn comparisons_say_what_their_bounds_are() {
        let ratio = |variant: &[f64]| Paired::ratio(variant, &vec![1.0; variant.len()]).unwrap();
        let twelve: Vec<f64> = (0..12).map(|i| 1.2 + f64::from(i) * 0.01).collect();
        assert_eq!(plain(&ratio(&twelve).ratio_line()), "×1.25 (1.22–1.29) · n 12");
        assert_eq!(plain(&ratio(&[1.0, 2.0]).ratio_line()), "×1.50 [1.00–2.00] · n 2");
        assert_eq!(plain(&ratio(&[2.0]).ratio_line()), "×2.00 · n 1");
        let less = Paired::difference(&[100.0; 6], &[1600.0; 6]).unwrap();
        assert_eq!(plain(&less.difference_line()), "−1.50 µs (−1.50 to −1.50 µs) · n 6");
        assert_eq!(plain(&ratio(&[0.59, 0.62, 0.65]).change_line()), "−38 % [−41 to −35 %] · n 3");
    }

    #[test]
    fn changes_between_kernels_show_halves_of_a_percent() {
        let line = |variant: &[f64], baseline: &[f64]| {
            let ratio = Unpaired::ratio(variant, baseline, 0.99).unwrap();
            plain(&format!("{} {}", ratio.change_value(), ratio.change_bounds()))
        };
        assert_eq!(line(&[103.1; 5], &[100.0; 5]), "+3.1 % (+3.1 to +3.1 %)");
        assert_eq!(line(&[99.5; 5], &[100.0; 5]), "−0.50 % (−0.50 to −0.50 %)");
        assert_eq!(line(&[100.001; 5], &[100.0; 5]), "0.00 % (0.00 to 0.00 %)");
        assert_eq!(line(&[150.0, 100.2], &[100.0]), "+25 % [+0.20 to +50.00 %]");
        assert_eq!(plain(&difference(-1500.0)), "−1.50 µs");
    }

    #[test]
    fn counts_and_changes_read_as_they_are_said() {
        let said = [counted(1, "run"), counted(2, "run"), counted(0, "run"), counted(3, "series")];
        assert_eq!(said, ["1 run", "2 runs", "0 runs", "3 series"]);
        let said = [1.0312, 0.5, 1.000_01, 0.999_99, 3.0].map(|ratio| plain(&change(ratio)));
        assert_eq!(said, ["+3.12 %", "−50.00 %", "0.00 %", "0.00 %", "+200.00 %"]);
    }

    #[test]
    fn dates_agree_with_date_utility() {
        // date -u -d @N '+%F %H:%M UTC'
        assert_eq!(utc(0), "1970-01-01 00:00 UTC");
        assert_eq!(utc(951_782_399), "2000-02-28 23:59 UTC");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(utc(1_767_323_040), "2026-01-02 03:04 UTC");
    }

    #[test]
    fn sizes_and_rates() {
        assert_eq!(plain(&bytes(8_321_499_136)), "7.75 GiB");
        assert_eq!(plain(&bytes(512)), "512 B");
        assert_eq!(plain(&rate(1_240_000.0)), "1.24 M/s");
        assert_eq!(plain(&rate(12.0)), "12.0 /s");
        assert_eq!(plain(&percent(0.0213)), "2.1 %");
    }
}
