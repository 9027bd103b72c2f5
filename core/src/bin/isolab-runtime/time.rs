//! Moments as RFC 3339 has them, in UTC; and spans as Go writes them.

use std::time::Duration;

/// Seconds since 1970 as `2026-11-27T05:06:50Z`.
pub(crate) fn seconds(seconds: u64) -> String {
    let (date, clock) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date_of(date);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", clock / 3600, clock / 60 % 60, clock % 60)
}

/// Nanoseconds since 1970, with as many digits as are not zero.
pub(crate) fn nanoseconds(nanoseconds: u64) -> String {
    let whole = seconds(nanoseconds / 1_000_000_000);
    match nanoseconds % 1_000_000_000 {
        0 => whole,
        rest => {
            let digits = format!("{rest:09}");
            format!("{}.{}Z", whole.trim_end_matches('Z'), digits.trim_end_matches('0'))
        }
    }
}

/// The date so many days after 1970-01-01, in the proleptic Gregorian calendar. Years begin in March here, so that the
/// day that comes and goes is a year's last.
fn date_of(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // from 0000-03-01 on
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// `1h30m`, `5s`, `1.5s`, `500ms`.
pub(crate) fn span(text: &str) -> Option<Duration> {
    const UNITS: [(&str, f64); 6] =
        [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit = rest[number..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |end| number + end);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == &rest[number..unit])?;
        total += rest[..number].parse::<f64>().ok()? * factor;
        rest = &rest[unit..];
    }
    Duration::try_from_secs_f64(total).ok().filter(|span| !span.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `date -u -d @SECONDS` says.
    #[test]
    fn moments() {
        assert_eq!(seconds(0), "1970-01-01T00:00:00Z");
        assert_eq!(seconds(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(seconds(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(seconds(1_735_689_599), "2024-12-31T23:59:59Z");
        assert_eq!(seconds(4_107_542_400), "2100-03-01T00:00:00Z");
        assert_eq!(nanoseconds(1_500_000_000), "1970-01-01T00:00:01.5Z");
        assert_eq!(nanoseconds(2_000_000_000), "1970-01-01T00:00:02Z");
    }

    #[test]
    fn spans() {
        assert_eq!(span("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(span("500ms"), Some(Duration::from_millis(500)));
        for wrong in ["", "5", "s", "5 s", "0s", "-1s", "5x"] {
            assert_eq!(span(wrong), None, "{wrong:?}");
        }
    }
}
