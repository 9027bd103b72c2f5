//! What calibrations have found, kept in the history.

use std::path::PathBuf;

use isolab_reports::history::{self, HistoryError, Store};
use isolab_reports::run::Place;
use isolab_reports::verdict::Calibration;
use isolab_scenarios::ab::Metric;
use isolab_scenarios::progress::say;

use super::super::Failure;

/// Keeps them for this place.
pub(super) fn keep(place: &Place, calibrations: &[Calibration]) -> Result<(), Failure> {
    let keep = || -> Result<(), HistoryError> {
        let store = Store::open(&location()?)?;
        calibrations.iter().try_for_each(|calibration| store.add_calibration(place, calibration))
    };
    keep().map_err(Failure::input)
}

/// What was found last of a subject at this place. A history that cannot be read is said, and no reason to lose a comparison.
pub(super) fn of(place: &Place, subject: &str, metric: Metric) -> Option<Calibration> {
    let find = || -> Result<Option<Calibration>, HistoryError> {
        let file = location()?;
        if !file.exists() {
            return Ok(None);
        }
        Store::existing(&file)?.calibration(place, subject, metric.name())
    };
    find().unwrap_or_else(|error| {
        say(&format!("isolab: {error}"));
        None
    })
}

fn location() -> Result<PathBuf, HistoryError> {
    history::location(|name| std::env::var_os(name))
}
