//! Rules as meant: conditions on arguments, and what a call gets.

use super::action;
use super::arch::Abi;
use crate::planted::planted;

/// How an argument is compared, unsigned, in all its 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Compare {
    NotEqual,
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
    /// Equal in the bits of this mask.
    MaskedEqual(u64),
}

/// One comparison of one argument with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Condition {
    /// 0 to 5.
    pub(super) argument: u32,
    pub(super) compare: Compare,
    /// For [`Compare::MaskedEqual`], within the mask.
    pub(super) value: u64,
}

impl Condition {
    /// The same condition for callers of `abi`. A negative value for a 32-bit argument is written sign-extended in
    /// profiles, while the kernel shows the argument with a zero upper half.
    fn seen_from(self, abi: Abi) -> Condition {
        let least = if planted("positive-taken-for-negative") { 0 } else { 0x8000_0000 };
        let negative = self.value >= 0xffff_ffff_0000_0000 + least;
        if abi.has_32_bit_arguments() && negative && !planted("negative-kept-wide") {
            return Condition { value: self.value & 0xffff_ffff, ..self };
        }
        self
    }

    /// Whether every argument meets it.
    fn is_void(&self) -> bool {
        self.compare == Compare::MaskedEqual(0)
    }
}

/// An action for the calls that meet all conditions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Rule {
    pub(super) conditions: Vec<Condition>,
    pub(super) action: u32,
}

impl Rule {
    pub(super) fn new(conditions: &[Condition], action: u32, abi: Abi) -> Rule {
        let seen = conditions.iter().filter(|condition| !condition.is_void());
        Rule { conditions: seen.map(|condition| condition.seen_from(abi)).collect(), action }
    }
}

/// What one call gets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Reply {
    /// Always the same action.
    Return(u32),
    /// The action of the first rule whose conditions are met, otherwise another.
    Check { rules: Vec<Rule>, otherwise: u32 },
}

/// The rules of one call while a profile is read.
#[derive(Debug, Default)]
pub(super) struct Rules {
    unconditional: Option<u32>,
    conditional: Vec<Rule>,
}

impl Rules {
    /// Adds a rule behind those there. The first unconditional rule silences all others, earlier and later ones, as
    /// in libseccomp.
    pub(super) fn add(&mut self, rule: Rule) {
        if self.unconditional.is_some() {
            return;
        }
        if rule.conditions.is_empty() {
            self.unconditional = Some(rule.action);
            self.conditional.clear();
        } else {
            self.conditional.push(rule);
        }
    }

    /// The one action to answer with when the arguments cannot be seen: the strictest that any arguments would get,
    /// among equally strict ones the first in the profile.
    pub(super) fn unseen(&self, default: u32) -> u32 {
        let actions = self.conditional.iter().map(|rule| rule.action);
        let otherwise = (!planted("default-not-among-the-unseen")).then_some(default);
        self.unconditional.unwrap_or_else(|| actions.chain(otherwise).reduce(stricter).unwrap_or(default))
    }

    pub(super) fn reply(self, default: u32) -> Reply {
        match self.unconditional {
            Some(action) => Reply::Return(action),
            None if self.conditional.is_empty() => Reply::Return(default),
            None => Reply::Check { rules: distinct(self.conditional), otherwise: default },
        }
    }
}

fn stricter(one: u32, other: u32) -> u32 {
    if action::rank(other) < action::rank(one) { other } else { one }
}

/// A rule that repeats an earlier one's conditions is never reached.
fn distinct(mut rules: Vec<Rule>) -> Vec<Rule> {
    let mut seen = std::collections::HashSet::new();
    rules.retain(|rule| seen.insert(rule.conditions.clone()));
    rules
}
