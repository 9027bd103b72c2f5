//! The catalogue that comes with isolab: scenario files, embedded.

use crate::schema::{self, Guarantee};

/// Every guarantee, by name: the folder `catalog/guarantees`, as `build.rs` has found it.
const GUARANTEES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/guarantees.rs"));

/// The guarantees that come with isolab.
///
/// # Errors
/// None in a release: a test reads every file.
pub fn guarantees() -> Result<Vec<Guarantee>, schema::Error> {
    GUARANTEES.iter().map(|(file, text)| Guarantee::parse(file, text)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_guarantee_is_read_and_has_a_control() {
        let all = guarantees().unwrap();
        assert!(all.len() >= 128);
        for guarantee in &all {
            assert!(!guarantee.control.is_empty(), "{} has no control", guarantee.id);
        }
        let ids: BTreeSet<_> = all.iter().map(|guarantee| &guarantee.id).collect();
        assert_eq!(ids.len(), all.len());
    }

    #[test]
    fn every_file_has_the_name_of_its_id() {
        for (file, text) in GUARANTEES {
            let guarantee = Guarantee::parse(file, text).unwrap();
            assert_eq!(*file, format!("guarantees/{}.toml", guarantee.id));
        }
    }

    /// More than a third of the mistakes are small ones: whoever forgets a whole step notices.
    #[test]
    fn a_third_of_the_mutants_are_subtle() {
        let all = guarantees().unwrap();
        let controls: Vec<_> = all.iter().flat_map(|guarantee| &guarantee.control).collect();
        let subtle = controls.iter().filter(|control| control.subtle).count();
        assert!(subtle * 3 >= controls.len(), "{subtle} of {}", controls.len());
    }

    #[test]
    fn what_a_mutant_breaks_is_in_the_catalogue() {
        let all = guarantees().unwrap();
        let known: BTreeSet<&String> = all.iter().map(|guarantee| &guarantee.id).collect();
        for guarantee in &all {
            for other in guarantee.control.iter().flat_map(|control| &control.breaks) {
                assert!(known.contains(other), "{}: {other}", guarantee.id);
            }
        }
    }
}
