//! Which boot comes when: pure data.

use isolab_reports::lab::record::{Layout, Purpose};

use super::layout::layout;

/// One boot to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// The kernel's place in the list.
    pub kernel: usize,
    /// What the boot is for.
    pub purpose: Purpose,
    /// How it differs from others.
    pub layout: Layout,
    /// Boots of one round belong together: after each round the report can be read.
    pub round: usize,
}

/// The boots of a run. The first round has everything once; each further one a measuring boot of every kernel with the
/// next seed. Within a round every kernel comes once, and the order is reversed from round to round, so that what drifts on the host
/// hits all kernels alike.
#[must_use]
pub fn plan(kernels: usize, seeds: &[u64], check: bool) -> Vec<Planned> {
    let mut planned = Vec::new();
    if check {
        let checks = (0..kernels).map(|kernel| Planned {
            kernel,
            purpose: Purpose::Check,
            layout: layout(0),
            round: 0,
        });
        planned.extend(checks);
    }
    for (round, &seed) in seeds.iter().enumerate() {
        let measures = (0..kernels).map(|kernel| Planned {
            kernel,
            purpose: Purpose::Measure,
            layout: layout(seed),
            round,
        });
        if round % 2 == 0 {
            planned.extend(measures);
        } else {
            planned.extend(measures.rev());
        }
    }
    planned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_alternate_and_every_round_has_each_once() {
        let planned = plan(3, &[11, 12, 13], true);
        let kernels: Vec<usize> = planned.iter().map(|boot| boot.kernel).collect();
        assert_eq!(kernels, [0, 1, 2, 0, 1, 2, 2, 1, 0, 0, 1, 2]);
        assert!(planned[..3].iter().all(|boot| boot.purpose == Purpose::Check && boot.round == 0));
        let rounds: Vec<usize> = planned[3..].iter().map(|boot| boot.round).collect();
        assert_eq!(rounds, [0, 0, 0, 1, 1, 1, 2, 2, 2]);
        assert!(planned[3..6].iter().all(|boot| boot.layout.seed == 11));
    }
}
