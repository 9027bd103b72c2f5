//! The record's form of what was measured: a cost for each operation, with a series for each variant.

use isolab_reports::record::{Cost, Series};

use super::variant::Variant;
use crate::workload::files::Operation;
use crate::workload::files::operation::{Of, Shape};

/// What cold and warm mean, for every title.
const CACHES: &str = "warm: everything was looked up and read in this mount before, but for what is called first; \
                      cold: on an ext4 image that was just mounted, with no page of its file in the page cache";

/// Samples of one variant, operation by operation.
pub(super) struct Samples {
    pub(super) variant: Variant,
    pub(super) enforced: Option<String>,
    /// In the order of [`Operation::ALL`].
    pub(super) samples: Vec<Vec<u64>>,
}

/// A cost for each operation.
pub(super) fn costs(measured: &[Samples], file_system: &str) -> Vec<Cost> {
    Operation::ALL
        .iter()
        .enumerate()
        .map(|(nth, operation)| cost(nth, *operation, measured, file_system))
        .collect()
}

/// Id of an operation's cost in the record.
pub(super) fn id(operation: Operation) -> String {
    format!("overlay-{}", operation.shape().directory)
}

fn cost(nth: usize, operation: Operation, measured: &[Samples], file_system: &str) -> Cost {
    let shape = operation.shape();
    let here = |name: &str| measured.iter().any(|samples| samples.variant.name() == name);
    let series = measured.iter().map(|Samples { variant, enforced, samples }| {
        let against = variant.against(&shape).map(super::variant::Ground::name).filter(|name| here(name));
        let mut series = Series::of(variant.name(), against, samples[nth].clone());
        series.enforced.clone_from(enforced);
        series
    });
    let title =
        format!("{}, on an overlay and on a plain directory of {file_system} ({CACHES})", what(&shape));
    Cost { id: id(operation), title, launcher: "core".into(), series: series.collect() }
}

fn what(shape: &Shape) -> String {
    let of = match shape.of {
        Of::Layers => "files of the layers".to_owned(),
        Of::Directories(files) => format!("directories of the layers, of {files} files each"),
        Of::New => "files that the container makes".to_owned(),
    };
    format!("{}: {} {of} a round", shape.name, shape.files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::overlay::variant::{Ground, all};

    #[test]
    fn an_operations_series_are_its_variants_with_their_twins() {
        let samples = |variant: Variant| Samples {
            variant,
            enforced: Some("enforced".into()),
            samples: (0..Operation::ALL.len() as u64).map(|nth| vec![nth]).collect(),
        };
        let mut measured: Vec<Samples> = all().into_iter().map(samples).collect();
        let costs = costs(&measured, "ext4");
        assert_eq!(costs.len(), Operation::ALL.len());
        assert_eq!((costs[1].id.as_str(), costs[1].series[0].samples[0]), ("overlay-stat", 1));
        assert_eq!(costs[1].series[0].against.as_deref(), Some("plain"));
        assert!(costs[0].title.starts_with("first stat: 64 files of the layers a round, on an overlay"));
        // A twin that could not be had is nobody's.
        measured.retain(|samples| samples.variant != Variant::Plain(Ground::Cold));
        let costs = super::costs(&measured, "ext4");
        let cold = costs[0].series.iter().find(|series| series.name == "overlay, cold");
        assert_eq!(cold.unwrap().against, None);
    }
}
