//! How many of what is drawn at random gets deep, for the targets over files: a generator that dies is seen.

// A panic is how a test reports.
#![allow(clippy::unwrap_used)]

use isolab_fuzz::target::draw;
use isolab_fuzz::{cli_id_state, record, scenario};

/// Bytes from SplitMix64 (Steele, Lea, Flood 2014).
fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).to_le_bytes()
    };
    (0..length.div_ceil(8)).flat_map(|_| next()).take(length).collect()
}

/// Inputs of many lengths.
fn inputs(count: u64) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(|seed| random(seed, 16 + usize::try_from(seed).unwrap() * 37 % 2000))
}

#[test]
fn most_scenarios_are_accepted_and_the_others_have_every_mistake() {
    let mut kinds = std::collections::BTreeMap::new();
    let (mut accepted, mut all) = (0, 0);
    for bytes in inputs(2000) {
        (scenario::TARGET.holds)(&bytes);
        let Some(input) = draw::<scenario::input::Input>(&bytes) else { continue };
        all += 1;
        accepted += usize::from(input.damage.is_none());
        if let Some(damage) = input.damage {
            *kinds.entry(format!("{:?}", std::mem::discriminant(&damage.what))).or_insert(0) += 1;
        }
    }
    println!("{accepted} of {all} scenarios are right; mistakes: {kinds:?}");
    assert!(all > 1900 && accepted * 10 > all * 6, "{accepted} of {all}");
    assert_eq!(kinds.len(), 12, "{kinds:?}");
}

#[test]
fn most_records_are_accepted() {
    let (mut right, mut all) = (0, 0);
    for bytes in inputs(500) {
        (record::TARGET.holds)(&bytes);
        let Some(input) = draw::<record::input::Input>(&bytes) else { continue };
        all += 1;
        right += usize::from(input.damage.is_none());
    }
    println!("{right} of {all} records are right");
    assert!(all > 450 && right * 10 > all * 6, "{right} of {all}");
}

#[test]
fn most_ids_are_names_and_stand_for_something() {
    let (mut names, mut ids, mut commands) = (0, 0, 0);
    for bytes in inputs(2000) {
        let Some(input) = draw::<cli_id_state::input::Input>(&bytes) else { continue };
        names += input.ids.iter().filter(|id| cli_id_state::model::is_name(id)).count();
        ids += input.ids.len();
        commands += input.commands.len();
    }
    println!("{names} of {ids} ids are names; {commands} commands");
    assert!(names * 10 > ids * 5 && names * 10 < ids * 9, "{names} of {ids}");
    assert!(commands > 6000, "{commands}");
}

#[test]
fn states_hold_for_random_commands() {
    for bytes in inputs(300) {
        (cli_id_state::TARGET.holds)(&bytes);
    }
}
