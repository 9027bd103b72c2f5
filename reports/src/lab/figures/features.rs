//! Kernel features over kernels, as probed in the guests.

use std::collections::BTreeSet;

use isolab_core::host::Feature;

use super::columns;
use crate::lab::record::Lab;
use crate::text::visible;

/// What the kernels offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    /// Where kernels differ: in having it, or in how they refuse.
    pub differing: Vec<Row>,
    /// What all of them offer.
    pub everywhere: Vec<String>,
    /// What none of them offers, with the reason.
    pub nowhere: Vec<[String; 2]>,
}

/// One feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// One for each kernel; `None` where it was not probed.
    pub cells: Vec<Option<Offer>>,
}

/// What a kernel says to a feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// It works.
    Available,
    /// What the probe saw.
    Missing(String),
}

impl Features {
    pub(super) fn of(lab: &Lab) -> Features {
        let hosts: Vec<_> =
            lab.kernels.iter().map(|kernel| columns::guest(kernel).map(|record| &record.host)).collect();
        let names: BTreeSet<&String> = hosts.iter().flatten().flat_map(|host| host.features.keys()).collect();
        let mut features = Features { differing: Vec::new(), everywhere: Vec::new(), nowhere: Vec::new() };
        for name in names {
            let offer = |feature: &Feature| match feature {
                Feature::Available => Offer::Available,
                Feature::Missing { reason, .. } => Offer::Missing(visible(reason)),
            };
            let cells: Vec<Option<Offer>> =
                hosts.iter().map(|host| host.and_then(|host| host.features.get(name)).map(offer)).collect();
            let mut probed = cells.iter().flatten();
            let first = probed.next().cloned();
            match first {
                Some(first) if probed.all(|offer| *offer == first) => match first {
                    Offer::Available => features.everywhere.push(visible(name)),
                    Offer::Missing(reason) => features.nowhere.push([visible(name), reason]),
                },
                _ => features.differing.push(Row { name: visible(name), cells }),
            }
        }
        features
    }
}
