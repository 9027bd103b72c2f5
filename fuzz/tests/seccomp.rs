//! The generators of the seccomp targets: they must reach what the properties are about.

// A panic is how a test reports.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Instant;

use isolab_core::seccomp::Filter;
use isolab_fuzz::seccomp_profile::input::{Asked, Input};
use isolab_fuzz::seccomp_profile::model::Model;
use isolab_fuzz::seccomp_profile::names::Abi;
use isolab_fuzz::target::draw;
use isolab_fuzz::{seccomp_profile, syscall_profile};

/// xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..400 + self.next() % 400).map(|_| (self.next() >> 56) as u8).collect()
    }
}

fn percent(part: usize, whole: usize) -> usize {
    100 * part / whole
}

#[test]
fn most_drawn_profiles_are_accepted_and_decide_by_all_means() {
    let mut random = Random(0x5eed_0009);
    let (mut accepted, mut calls, mut named, mut looked) = (0, 0, 0, 0);
    let mut actions = BTreeMap::<u32, usize>::new();
    let mut asked = [0; 3];
    let mut longest = 0;
    for _ in 0..2000 {
        let input: Input = draw(&random.bytes()).unwrap();
        asked[match input.asked {
            Asked::Neither => 0,
            Asked::Library { .. } => 1,
            Asked::Kernel => 2,
        }] += 1;
        let Ok(filter) = Filter::new(&input.profile, input.arch) else { continue };
        let Ok(program) = filter.compile() else { continue };
        accepted += 1;
        longest = longest.max(program.instructions.len());
        let model = Model::new(&input.profile, input.arch);
        let default =
            seccomp_profile::model::word(input.profile.default_action(), input.profile.default_errno_ret());
        for call in &input.calls {
            let word = model.decide(call);
            *actions.entry(word >> 16).or_default() += 1;
            calls += 1;
            named += usize::from(word != default);
            looked += usize::from(model.conditions(call) > 0);
        }
    }
    println!(
        "{} % accepted, programs of up to {longest} instructions; {} % of {calls} calls not by default, {} % by arguments; {actions:x?}",
        percent(accepted, 2000),
        percent(named, calls),
        percent(looked, calls)
    );
    assert!(percent(accepted, 2000) > 70, "{accepted} of 2000 are accepted");
    assert!(percent(named, calls) > 40 && percent(looked, calls) > 20, "{named} and {looked} of {calls}");
    assert_eq!(actions.len(), 8, "every action: {actions:x?}");
    assert!(longest > 1000, "{longest}");
    assert!(asked.iter().all(|count| *count > 5), "{asked:?}");
}

#[test]
fn drawn_profiles_hold() {
    let mut random = Random(0x5eed_000a);
    let begun = Instant::now();
    for _ in 0..3000 {
        (seccomp_profile::TARGET.holds)(&random.bytes());
    }
    println!("{:.0} profiles a second", 3000.0 / begun.elapsed().as_secs_f64());
}

/// Each ABI of this machine is called through, and calls end in each way.
#[test]
fn drawn_sequences_hold() {
    let mut random = Random(0x5eed_000b);
    let mut through = BTreeMap::<usize, usize>::new();
    let mut bytes = Vec::new();
    for _ in 0..3000 {
        let drawn = random.bytes();
        let input: syscall_profile::input::Input = draw(&drawn).unwrap();
        for call in &input.calls {
            *through.entry(call.abi as usize).or_default() += 1;
        }
        bytes.push(drawn);
    }
    assert_eq!(through.len(), syscall_profile::input::ABIS.len());
    assert!(through.values().all(|count| *count > 1000), "{through:?} of {:?}", Abi::ALL);
    // The sandbox is made before the time is taken.
    (syscall_profile::TARGET.holds)(&bytes[0]);
    let begun = Instant::now();
    bytes.iter().for_each(|bytes| (syscall_profile::TARGET.holds)(bytes));
    println!("{:.0} sequences a second", 3000.0 / begun.elapsed().as_secs_f64());
}
