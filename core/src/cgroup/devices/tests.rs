//! The compiled program against the rules' meaning, written down a second time; and v1's lists.

use super::program::{BLOCK, CHARACTER, MAKE, READ, WRITE};
use super::*;

/// A small generator (xorshift), so that a failure comes again.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn number(&mut self) -> Option<u32> {
        match self.below(8) {
            0..3 => None,
            3 => Some(u32::MAX),
            other => Some(other as u32 - 3),
        }
    }

    fn rule(&mut self) -> DeviceRule {
        let kind = ['a', 'b', 'c'][self.below(3) as usize];
        let access = ["r", "w", "m", "rw", "rm", "wm", "rwm", "mwr"][self.below(8) as usize].to_owned();
        DeviceRule { allow: self.below(2) == 0, kind, major: self.number(), minor: self.number(), access }
    }
}

/// The meaning, in the words of the documentation of this module: forwards, one access at a time.
fn meaning(rules: &[DeviceRule], kind: char, (major, minor): (u32, u32), accesses: &str) -> bool {
    accesses.chars().all(|access| {
        let mut verdict = true;
        for rule in rules {
            let about_kind = rule.kind == 'a' || rule.kind == kind;
            let about_number = rule.major.unwrap_or(major) == major && rule.minor.unwrap_or(minor) == minor;
            if about_kind && about_number && rule.access.contains(access) {
                verdict = rule.allow;
            }
        }
        verdict
    })
}

const ACCESSES: [&str; 8] = ["", "m", "r", "rm", "w", "wm", "rw", "rwm"];

fn number(accesses: &str) -> u16 {
    let bits = accesses.chars().map(|access| match access {
        'm' => MAKE,
        'r' => READ,
        _ => WRITE,
    });
    bits.sum::<u32>() as u16
}

/// Every request in the neighbourhood of the rules, to both.
fn agree(rules: &[DeviceRule], program: &[Instruction]) {
    let numbers = [0, 1, 2, 3, 4, 5, 136, u32::MAX];
    let all = in_force(rules);
    for (letter, kind) in [('b', BLOCK), ('c', CHARACTER)] {
        for (major, minor) in numbers.iter().flat_map(|major| numbers.map(|minor| (*major, minor))) {
            for accesses in ACCESSES {
                let request = Request { kind: kind as u16, access: number(accesses), major, minor };
                let got = interpret(program, &request);
                let wanted = meaning(&all, letter, (major, minor), accesses);
                assert_eq!(got, Ok(wanted), "{letter} {major}:{minor} {accesses:?} under {rules:?}");
            }
        }
    }
}

#[test]
fn programs_decide_what_their_rules_mean() {
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    for _ in 0..600 {
        let length = draw.below(7);
        let rules: Vec<DeviceRule> = (0..length).map(|_| draw.rule()).collect();
        agree(&rules, &Program::new(&rules).instructions);
    }
}

/// The rule of every engine: nothing, but for what follows.
#[test]
fn what_engines_send_denies_the_disk_and_allows_the_null_device() {
    let deny_all = DeviceRule { allow: false, kind: 'a', major: None, minor: None, access: "rwm".into() };
    let Program { instructions, .. } = Program::new(&[deny_all]);
    let ask = |kind: u32, major, minor, access: u32| {
        let (kind, access) = (kind as u16, access as u16);
        interpret(&instructions, &Request { kind, access, major, minor }).unwrap()
    };
    assert!(ask(CHARACTER, 1, 3, READ | WRITE));
    assert!(ask(BLOCK, 8, 0, MAKE));
    assert!(!ask(BLOCK, 8, 0, READ));
    assert!(!ask(CHARACTER, 10, 200, WRITE));
}

/// The kernel refuses a program with instructions that cannot be reached.
#[test]
fn nothing_follows_a_rule_that_always_decides() {
    let whole = |allow| DeviceRule { allow, kind: 'a', major: None, minor: None, access: "mrw".into() };
    let one = Program::new(&[whole(false)]).instructions;
    let two = Program::new(&[whole(true), whole(false)]).instructions;
    assert_eq!(one, two);
    assert_eq!(one[one.len() - 2..], Program::new(&[whole(false)]).instructions[one.len() - 2..]);
}

fn rule(allow: bool, kind: char, major: Option<u32>, minor: Option<u32>, access: &str) -> DeviceRule {
    DeviceRule { allow, kind, major, minor, access: access.into() }
}

/// `devices.allow` of `a 1:3 r` would allow everything.
#[test]
fn a_narrow_rule_for_all_kinds_does_not_become_a_wide_one() {
    let first = |rule: DeviceRule| {
        let mut all = lines(&[rule]);
        all.truncate(all.len() - ALWAYS.len());
        all.into_iter().map(|(_, line, _)| line).collect::<Vec<_>>()
    };
    assert_eq!(first(rule(true, 'a', None, None, "mrw")), ["a"]);
    assert_eq!(first(rule(true, 'a', None, None, "r")), ["b *:* r", "c *:* r"]);
    assert_eq!(first(rule(true, 'a', Some(8), None, "rwm")), ["b 8:* rwm", "c 8:* rwm"]);
}

/// What v1's lists cannot say is found, and nothing else is.
#[test]
fn a_denial_that_v1_forgets_is_named() {
    let deny_all = rule(false, 'a', None, None, "rwm");
    let disks = rule(true, 'b', Some(8), None, "rw");
    let but_one = rule(false, 'b', Some(8), Some(3), "w");
    assert_eq!(stays_allowed(&[deny_all.clone(), disks.clone()]), None);
    assert_eq!(stays_allowed(&[deny_all.clone(), disks.clone(), but_one.clone()]).unwrap(), "b 8:3 w");
    // The very same exception is taken back; and what is allowed by default can be denied in parts.
    assert_eq!(stays_allowed(&[deny_all, disks.clone(), DeviceRule { allow: false, ..disks }]), None);
    assert_eq!(stays_allowed(&[but_one]), None);
}
