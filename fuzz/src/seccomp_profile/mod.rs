//! Seccomp profiles: understood, compiled, and decided by.
//!
//! The program that a drawn profile compiles to decides on drawn calls as the [`model`] says, and as libseccomp's program does
//! (with the feature `oracles`, of some inputs). The kernel takes it (of some inputs); and what is spoilt the kernel, `verify` and a
//! [`machine`] of our own take or refuse as one, and the interpreter runs it as that machine does. The program is the same each
//! time, and runs no more instructions than is stated here.

pub mod bytes;
pub mod calls;
pub mod input;
mod kernel;
#[cfg(feature = "oracles")]
mod library;
pub mod machine;
pub mod model;
pub mod names;
pub mod profile;
pub mod refusal;
pub mod spoil;

use isolab_core::seccomp::{Arch, Call, Filter, Instruction, Program, interpret, verify};
use oci_spec::runtime::LinuxSeccomp;

use crate::target::{Target, draw, drawn};
use input::{Asked, Input};
use model::Model;
use names::Abi;
use spoil::spoil;

/// See above.
pub const TARGET: Target =
    Target { name: "seccomp_profile", holds: seccomp_profile, show: drawn::<Input>, live: false };

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn seccomp_profile(bytes: &[u8]) {
    let Some(input) = draw::<Input>(bytes) else { return };
    let Some(program) = compiled(&input.profile, input.arch) else { return };
    decides(&input.profile, input.arch, &program, &input.calls);
    let spoilt = spoil(&program.instructions, &input.spoilt);
    checked(&input.calls, &spoilt);
    match input.asked {
        Asked::Neither => {}
        Asked::Kernel => kernel::agrees(&program, &spoilt),
        #[cfg(feature = "oracles")]
        Asked::Library { tree } => library::agrees(&input, tree),
        #[cfg(not(feature = "oracles"))]
        Asked::Library { .. } => {}
    }
}

/// The program, the same each time; nothing where the profile is refused, which must be so, and there.
fn compiled(profile: &LinuxSeccomp, arch: Arch) -> Option<Program> {
    let expected = refusal::paths(profile);
    let filter = match Filter::new(profile, arch) {
        Ok(filter) => filter,
        Err(violations) => {
            assert!(
                violations.iter().all(|violation| !violation.problem.is_empty()),
                "refused for no reason"
            );
            let mut found: Vec<_> = violations.into_iter().map(|violation| violation.path).collect();
            found.sort();
            assert_eq!(found, expected, "what is refused");
            return None;
        }
    };
    assert_eq!(expected, Vec::<String>::new(), "accepted, but must be refused");
    let model = Model::new(profile, arch);
    assert_eq!(filter.skipped(), model.skipped(), "names that are left out");
    let again = Filter::new(profile, arch);
    assert!(again.is_ok_and(|again| again == filter), "reading is deterministic");
    let compiled = filter.compile();
    assert_eq!(compiled, filter.compile(), "compiling is deterministic");
    match compiled {
        Ok(program) => {
            assert_eq!(verify(&program.instructions), Ok(()));
            assert_eq!(program.flags, refusal::flags(profile), "flags");
            let agent = filter.listener().map(|listener| &listener.path);
            let expected = profile.listener_path().as_ref().filter(|_| program.has_listener());
            assert_eq!(agent, expected, "who is asked");
            Some(program)
        }
        Err(violation) => {
            assert_eq!(violation.path, "linux.seccomp.syscalls");
            assert!(!model.is_short(), "refused as too long: {violation}");
            None
        }
    }
}

/// As the model, and within the bound.
fn decides(profile: &LinuxSeccomp, arch: Arch, program: &Program, calls: &[Call]) {
    let model = Model::new(profile, arch);
    for call in calls {
        let (found, expected) = (program.decide(call), model.decide(call));
        assert!(found.action == expected, "{:#x} instead of {expected:#x}: {call:x?}", found.action);
        let bound = bound(&model, call);
        assert!(found.executed <= bound, "{} instructions, at most {bound}: {call:x?}", found.executed);
    }
}

/// How many instructions a call may run: 14 up to its arguments where it is native (`core/src/seccomp/tests/size.rs`), a few more
/// through other ABIs; and of each condition at most two loads, two masks and three tests, with a jump that is too far.
fn bound(model: &Model<'_>, call: &Call) -> usize {
    let native = matches!(model.place(call), None | Some((Abi::X86_64 | Abi::Aarch64, _)));
    let conditions = model.conditions(call);
    let arguments = if conditions == 0 { 0 } else { 1 + 8 * conditions };
    (if native { 14 } else { 24 }) + arguments
}

/// A program is taken as the kernel takes it, and then returns on every call what it does there.
fn checked(calls: &[Call], program: &[Instruction]) {
    let verified = verify(program);
    assert_eq!(verified.is_ok(), machine::takes(program), "{verified:?}: {program:?}");
    for call in calls.iter().filter(|_| verified.is_ok()) {
        let found = interpret(program, call).map(|decision| (decision.action, decision.executed));
        assert_eq!(found, Ok(machine::run(program, call)), "{call:x?}: {program:?}");
    }
}
