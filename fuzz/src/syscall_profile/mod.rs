//! Profiles against the kernel: up to 16 real calls under a drawn profile's program, in a sandbox, each with the end that the
//! model of `seccomp_profile` says: let through with its own result, failed with an errno, trapped, or killed.
//!
//! What is let through returns what it returns without a filter. A call that was to fail and ran all the same is seen by what
//! umask(2) returns afterwards.

pub mod harmless;
pub mod input;
mod place;

use isolab_core::seccomp::{Arch, Filter};
use isolab_core::sys::sequence::Became;

use crate::seccomp_profile::model::{
    ALLOW, ERRNO, KILL_PROCESS, KILL_THREAD, LOG, Model, NOTIFY, TRACE, TRAP,
};
use crate::target::{Target, draw, drawn};
use harmless::Own;
use input::{Chosen, Input};

/// See above.
pub const TARGET: Target =
    Target { name: "syscall_profile", holds: syscall_profile, show: drawn::<Input>, live: true };

const SIGSYS: i32 = 31;
const ENOSYS: i64 = -38;
/// The file mode creation mask that each sequence begins with.
const MASK: i64 = 0o022;

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn syscall_profile(bytes: &[u8]) {
    let Some(input) = draw::<Input>(bytes) else { return };
    let Ok(filter) = Filter::new(&input.profile, Arch::NATIVE) else { return };
    let Ok(program) = filter.compile() else { return };
    let Some(mut place) = place::place() else { return };
    let own: Option<Vec<i64>> = input.calls.iter().map(|chosen| place.own(chosen)).collect();
    let Some(own) = own else { return };
    let made: Vec<_> = input.calls.iter().map(Chosen::made).collect();
    let found = place.run(Some(&program), &made);
    let expected = expected(&input, &own);
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert!(expected.is(found), "call {index}: {found:?} instead of {expected:?}");
    }
}

/// What is to become of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Exactly(Became),
    /// The number of a process.
    Positive,
}

impl Expected {
    fn is(self, found: &Became) -> bool {
        match self {
            Expected::Exactly(became) => became == *found,
            Expected::Positive => matches!(found, Became::Returned(1..)),
        }
    }
}

fn expected(input: &Input, own: &[i64]) -> Vec<Expected> {
    let model = Model::new(&input.profile, Arch::NATIVE);
    let (mut mask, mut over) = (MASK, false);
    let one = |(chosen, own): (&Chosen, &i64)| {
        if over {
            return Expected::Exactly(Became::NotMade);
        }
        let call = chosen.call();
        let word = model.decide(&call);
        let became = match word & 0xffff_0000 {
            ALLOW | LOG => return let_through(chosen, *own, &mut mask),
            ERRNO => Became::Returned(-i64::from(word & 0xffff)),
            // Nobody listens, and nobody traces.
            NOTIFY | TRACE => Became::Returned(ENOSYS),
            TRAP => Became::Trapped { number: call.nr, arch: call.arch },
            KILL_PROCESS | KILL_THREAD => Became::Killed(SIGSYS),
            other => panic!("no action: {other:#x}"),
        };
        over = matches!(became, Became::Trapped { .. } | Became::Killed(_));
        Expected::Exactly(became)
    };
    input.calls.iter().zip(own).map(one).collect()
}

fn let_through(chosen: &Chosen, own: i64, mask: &mut i64) -> Expected {
    let returned = match chosen.harmless().own {
        // Of an ABI that the kernel does not serve.
        _ if own == ENOSYS => own,
        Own::Same => own,
        Own::Process => return Expected::Positive,
        Own::Mask => std::mem::replace(mask, (chosen.args[0] & 0o777).cast_signed()),
    };
    Expected::Exactly(Became::Returned(returned))
}
