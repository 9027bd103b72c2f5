//! The keys of scenario files, as `scenarios/catalog/README.md` and the docs of questions, acts and workloads have them.

use What::*;

/// What the value of a key is.
#[derive(Debug, Clone, Copy)]
pub enum What {
    /// Any text.
    Text,
    /// Letters, digits and dashes.
    Id,
    /// True or false.
    Flag,
    /// A whole number from 0 to this.
    Count(i64),
    /// A whole number of 32 bits.
    Signed,
    /// A number.
    Number,
    /// A list of texts.
    Texts,
    /// A list of names of aggressors, or of what they take.
    Against,
    /// A list of numbers; without it, this one alone.
    Numbers(f64),
    /// A table of texts.
    TextMap,
    /// One of these words; the first without it.
    Word(&'static [&'static str]),
    /// A list of such words.
    Words(&'static [&'static str]),
    /// Anything that JSON has.
    Any,
    /// A list of such.
    Anything,
    /// A path to a fact.
    Path,
    /// An address with a port.
    Address,
    /// Numbers and texts.
    Arguments,
    /// `set` with `to`, `append` with `value`, or `remove`; a list of them.
    Edits,
    /// `drop`, or `move` with `after` or `before`; a list of them.
    Plan,
    /// Facts by their paths, and what is expected of each: at least one thing.
    Facts,
    /// A table with these keys.
    Table(&'static [Key]),
    /// A list of such tables.
    Tables(&'static [Key]),
    /// A table with one key, which is one of these names.
    One(Choice),
    /// A table of such tables.
    Map(Choice),
    /// A list of them.
    Several(Choice),
    /// The word `launch`, or such a table.
    Launch,
}

/// What can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// A question for the probe.
    Question,
    /// An act on the host.
    Act,
    /// A victim's work.
    Victim,
    /// An aggressor's work.
    Aggressor,
}

/// A key of a table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Whether the table is wrong without it.
    pub needed: bool,
    /// What it holds.
    pub what: What,
}

const fn need(name: &'static str, what: What) -> Key {
    Key { name, needed: true, what }
}

const fn may(name: &'static str, what: What) -> Key {
    Key { name, needed: false, what }
}

/// The largest number that TOML has.
const MOST: i64 = i64::MAX;
const U32: i64 = u32::MAX as i64;

/// A guarantee.
pub const GUARANTEE: &[Key] = &[
    need("kind", Word(&["guarantee"])),
    need("id", Id),
    need("promise", Text),
    need("primitive", Text),
    need("source", Text),
    need("expect", Facts),
    may("remedy", Text),
    may("needs", Texts),
    may("uses", Texts),
    may("alone", Flag),
    may("lifecycle", Flag),
    may("refused", Flag),
    may("launches", Count(MOST)),
    may("rig", Table(RIG)),
    may("swap", Tables(&[need("one", Text), need("other", Text)])),
    may("make", Tables(MAKE)),
    may("config", Edits),
    may("ask", Map(Choice::Question)),
    may("before", Map(Choice::Act)),
    may("created", Map(Choice::Act)),
    may("act", Map(Choice::Act)),
    may("later", Map(Choice::Question)),
    may("after", Map(Choice::Act)),
    may("second", Table(SECOND)),
    may("case", Tables(CASE)),
    may("control", Tables(CONTROL)),
    may("measured", Flag),
];

const RIG: &[Key] = &[
    may("terminal", Flag),
    may("caller_terminal", Flag),
    may("stdout", Word(&["pipe", "file", "socket"])),
    may("agent", Flag),
];

const MAKE: &[Key] = &[
    need("path", Text),
    may("text", Text),
    may("link", Text),
    may("program", Flag),
    may("device", Text),
    may("tmpfs", Count(MOST)),
    may("shared", Flag),
    may("mode", Text),
    may("owner", Count(U32)),
    may("attributes", TextMap),
    may("count", Count(MOST)),
];

const SECOND: &[Key] = &[may("config", Edits), may("ask", Map(Choice::Question)), may("together", Flag)];

const CASE: &[Key] = &[
    need("name", Text),
    may("make", Tables(MAKE)),
    may("config", Edits),
    may("ask", Map(Choice::Question)),
    may("act", Map(Choice::Act)),
    may("before", Map(Choice::Act)),
    may("expect", Facts),
];

/// A control changes something: one of those from `config` on.
pub const CONTROL: &[Key] = &[
    need("without", Text),
    may("subtle", Flag),
    may("breaks", Texts),
    may("config", Edits),
    may("plan", Plan),
    may("make", Tables(MAKE)),
    may("ask", Map(Choice::Question)),
    may("act", Map(Choice::Act)),
    may("before", Map(Choice::Act)),
    may("after", Map(Choice::Act)),
    may("second", Edits),
    may("rig", Table(RIG)),
];

/// What can be expected of a fact.
pub const EXPECT: &[Key] = &[
    may("is", Any),
    may("not", Any),
    may("one_of", Anything),
    may("contains", Any),
    may("lacks", Any),
    may("set", Anything),
    may("within", Anything),
    may("at_most", Number),
    may("at_least", Number),
    may("exists", Flag),
    may("same_as", Path),
    may("differs_from", Path),
    may("same_set_as", Path),
];

/// A ladder.
pub const LADDER: &[Key] = &[
    need("kind", Word(&["cost"])),
    need("id", Text),
    need("title", Text),
    may("each", Word(&["added", "alone"])),
    need("bare", Any),
    need("rung", Tables(RUNG)),
];

const RUNG: &[Key] =
    &[need("name", Text), may("edits", Edits), may("full", Flag), may("rootless", Word(&["first"]))];

/// A matrix.
pub const MATRIX: &[Key] = &[
    need("kind", Word(&["interference"])),
    need("id", Text),
    need("title", Text),
    may("question", Table(ASKED)),
    need("rounds", Count(U32)),
    need("seconds", Number),
    need("settle", Number),
    may("intensity", Numbers(1.0)),
    need("victim", Tables(VICTIM)),
    may("aggressor", Tables(AGGRESSOR)),
    may("protection", Tables(PROTECTION)),
];

const ASKED: &[Key] = &[need("asks", Text), need("matters", Number), need("yes", Text), need("no", Text)];

const VICTIM: &[Key] = &[
    need("name", Text),
    need("measures", Text),
    need("period", Count(MOST)),
    need("work", Launch),
    may("edits", Edits),
];

const AGGRESSOR: &[Key] = &[
    need("name", Text),
    may("takes", Texts),
    may("threads", Count(MOST)),
    need("unit", Text),
    need("work", One(Choice::Aggressor)),
    may("edits", Edits),
];

const PROTECTION: &[Key] = &[
    need("name", Text),
    need("controllers", Texts),
    may("v2", Flag),
    may("cpus", Count(MOST)),
    may("against", Against),
    may("alone", Flag),
    may("victim", Edits),
    may("aggressor", Edits),
];
