//! The compiled program against the model, for drawn profiles and calls.

use super::draw::Draw;
use super::{Arch, Call, Program, compiled, model};
use crate::seccomp::verify;
use oci_spec::runtime::LinuxSeccomp;
use std::collections::BTreeMap;

const PROFILES: usize = 4000;
const CALLS: usize = 100;

/// The first of `calls` drawn calls that program and model decide differently: the call, the model's word, the
/// program's word.
pub(super) fn difference(
    draw: &mut Draw,
    profile: &LinuxSeccomp,
    arch: Arch,
    program: &Program,
    calls: usize,
) -> Option<(Call, u32, u32)> {
    (0..calls).find_map(|_| {
        let call = draw.call(profile, arch);
        let (expected, found) = (model::decide(profile, arch, &call), program.decide(&call).action);
        (expected != found).then_some((call, expected, found))
    })
}

#[test]
fn program_decides_like_the_model() {
    let mut draw = Draw(0x5eed_0001);
    for index in 0..PROFILES {
        let arch = if index % 3 == 0 { Arch::Aarch64 } else { Arch::X86_64 };
        let profile = draw.profile();
        let program = compiled(&profile, arch);
        assert_eq!(verify(&program.instructions), Ok(()));
        if let Some((call, expected, found)) = difference(&mut draw, &profile, arch, &program, CALLS) {
            let json = serde_json::to_string(&profile).unwrap();
            panic!("{call:x?}: {found:#x} instead of {expected:#x} on {arch:?} for {json}");
        }
    }
}

/// The comparison above says little if the calls drawn all end in the default action.
#[test]
fn drawn_calls_reach_every_kind_of_answer() {
    let mut draw = Draw(0x5eed_0001);
    let (mut actions, mut arguments, mut total) = (BTreeMap::<u32, usize>::new(), 0, 0);
    for _ in 0..400 {
        let profile = draw.profile();
        let program = compiled(&profile, Arch::X86_64);
        let default = model::word(profile.default_action(), profile.default_errno_ret());
        for _ in 0..CALLS {
            let call = draw.call(&profile, Arch::X86_64);
            let action = program.decide(&call).action;
            *actions.entry(action >> 16).or_default() += 1;
            let other = (0..4).map(|_| Call { args: [(); 6].map(|()| draw.next()), ..call });
            arguments += usize::from(other.into_iter().any(|call| program.decide(&call).action != action));
            total += usize::from(action != default);
        }
    }
    assert_eq!(actions.len(), 8, "every action: {actions:x?}");
    assert!(total > 20_000, "{total} of 40000 calls got another action than the default");
    assert!(arguments > 3_000, "{arguments} of 40000 calls were decided by their arguments");
}
