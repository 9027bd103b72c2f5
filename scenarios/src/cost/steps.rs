//! Where the time of a launch went: the steps of its plan, then the workload, then the removal.
//!
//! After the clone the child is the critical path: its step lasts until its next one begins, and the durations of the parent's steps up
//! to the clone and of all the child's add up to the sample. What the parent does beside the child (it writes the id maps) lasts
//! until anything else begins, which is right when the child waits for it; it is not part of the sum.

use isolab_core::launch::StepTime;
use isolab_core::plan::{Plan, Side};
use isolab_reports::record::{Series, StepSamples};

use crate::ready::Whole;

/// The two parts that follow the plan's steps: name and primitive.
const AFTER: [(&str, &str); 2] =
    [("the workload runs to its end", "execve"), ("remove the container", "teardown")];

/// A series without samples yet, with an entry for each step of the plan.
pub(super) fn series(name: &str, against: Option<String>, enforced: String, plan: &Plan) -> Series {
    let planned = plan.steps().iter().map(|step| {
        let side = match step.side {
            Side::Parent => "parent",
            Side::Stage => "stage",
            Side::Child => "child",
        };
        empty(&step.to_string(), side, step.op.primitive())
    });
    let after = AFTER.map(|(step, primitive)| empty(step, "parent", primitive));
    Series {
        name: name.into(),
        against,
        samples: Vec::new(),
        on_cpu: Vec::new(),
        steps: planned.chain(after).collect(),
        enforced: Some(enforced),
    }
}

fn empty(step: &str, side: &str, primitive: &str) -> StepSamples {
    StepSamples {
        step: step.into(),
        side: side.into(),
        primitive: primitive.into(),
        start: Vec::new(),
        duration: Vec::new(),
    }
}

/// Adds one launch.
pub(super) fn add(series: &mut Series, whole: &Whole) {
    series.samples.push(whole.removed);
    series.on_cpu.push(whole.on_cpu);
    let planned = series.steps.len() - AFTER.len();
    let is_child = |step: usize| series.steps.get(step).is_some_and(|step| step.side == "child");
    let begun = |time: &StepTime| Begun { step: time.step, start: time.start, child: is_child(time.step) };
    let mut all: Vec<Begun> = whole.timeline.steps.iter().map(begun).collect();
    for (after, start) in [whole.timeline.exec, whole.ended].into_iter().enumerate() {
        // They end what the child did last, as a further step of the child would.
        all.push(Begun { step: planned + after, start, child: true });
    }
    for (step, start, duration) in spans(&all, whole.removed) {
        if let Some(step) = series.steps.get_mut(step) {
            step.start.push(start);
            step.duration.push(duration);
        }
    }
}

/// A step that was begun.
struct Begun {
    step: usize,
    start: u64,
    child: bool,
}

/// Each step with its start and its duration.
fn spans(all: &[Begun], end: u64) -> Vec<(usize, u64, u64)> {
    let span = |begun: &Begun| {
        let later = all.iter().filter(|other| (other.start, other.step) > (begun.start, begun.step));
        let ends_it = later.filter(|other| other.child || !begun.child).map(|other| other.start);
        (begun.step, begun.start, ends_it.min().unwrap_or(end).saturating_sub(begun.start))
    };
    all.iter().map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(step: usize, start: u64, child: bool) -> Begun {
        Begun { step, start, child }
    }

    #[test]
    fn durations_add_up_to_the_whole() {
        let spans =
            spans(&[begun(0, 10, false), begun(1, 20, false), begun(2, 50, true), begun(3, 90, true)], 100);
        assert_eq!(spans, [(0, 10, 10), (1, 20, 30), (2, 50, 40), (3, 90, 10)]);
        assert_eq!(
            spans.iter().map(|span| span.2).sum::<u64>(),
            90,
            "all but what was before the first step"
        );
    }

    #[test]
    fn the_parents_work_beside_the_child_shortens_no_step_of_the_child() {
        let spans =
            spans(&[begun(0, 10, false), begun(1, 40, false), begun(2, 20, true), begun(3, 70, true)], 100);
        assert_eq!(spans, [(0, 10, 10), (1, 40, 30), (2, 20, 50), (3, 70, 30)]);
    }

    #[test]
    fn steps_that_begin_together_are_in_their_order() {
        assert_eq!(spans(&[begun(0, 5, true), begun(1, 5, true)], 9), [(0, 5, 0), (1, 5, 4)]);
    }
}
