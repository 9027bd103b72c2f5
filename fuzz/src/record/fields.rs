//! The fields of a record, as the docs of `reports/src/record` have them: what each holds, and whether it may be missing.

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub enum What {
    /// Text, from anywhere.
    Text,
    /// True or false.
    Flag,
    /// A whole number up to this.
    Count(u64),
    /// A finite number.
    Number,
    /// A list of texts.
    Texts,
    /// A list of whole numbers up to this.
    Counts(u64),
    /// A list of numbers; so many of them, where that is fixed.
    Numbers(Option<usize>),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Texts by name.
    TextMap,
    /// Such tables by name.
    Map(&'static What),
    /// Whatever was launched.
    Any,
    /// A table with these fields.
    Table(&'static [Field]),
    /// A list of such tables.
    Tables(&'static [Field]),
    /// A table whose field `is` has one of these words, each with fields of its own.
    Tagged(&'static [(&'static str, &'static [Field])]),
    /// One of these words, or a table with one of those names alone.
    Named(&'static [&'static str], &'static [(&'static str, &'static [Field])]),
}

/// A field.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub what: What,
    /// What it is when it is missing.
    pub missing: Missing,
}

/// What a missing field comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The record is refused.
    Refused,
    /// Nothing.
    Null,
    /// Empty, zero.
    Empty,
}

const fn need(name: &'static str, what: What) -> Field {
    Field { name, what, missing: Missing::Refused }
}

const fn maybe(name: &'static str, what: What) -> Field {
    Field { name, what, missing: Missing::Null }
}

const fn later(name: &'static str, what: What) -> Field {
    Field { name, what, missing: Missing::Empty }
}

use What::*;

const SIZE: What = Count(u64::MAX);
const U32: What = Count(u32::MAX as u64);

/// The record.
pub const RECORD: &[Field] = &[
    need("format", Count(2)),
    need("isolab", Text),
    need("started", SIZE),
    need("seconds", Number),
    need("command", Text),
    maybe("revision", Text),
    need("host", Table(HOST)),
    need("noise", Table(NOISE)),
    need("launchers", Tables(&[need("name", Text), maybe("version", Text), maybe("path", Text)])),
    need("guarantees", Tables(GUARANTEE)),
    need("costs", Tables(COST)),
    need("interference", Tables(CELL)),
    maybe("instrument", Table(INSTRUMENT)),
    later("questions", Tables(QUESTION)),
    later("sweeps", Tables(SWEEP)),
    later("mutants", Tables(MUTANT)),
    later("beside", Tables(BESIDE)),
    later("comparisons", Tables(JUDGED)),
    later("calibrations", Tables(CALIBRATION)),
    need("not_tested", Tables(&[need("what", Text), need("reason", Text), need("remedy", Text)])),
];

const HOST: &[Field] = &[
    need("kernel", Text),
    need("kernel_build", Text),
    need("machine", Text),
    need("cmdline", Text),
    need("cpu", Text),
    need("cpus", Counts(u32::MAX as u64)),
    need("memory", SIZE),
    need("lsms", Texts),
    need("clock_source", Text),
    need("mitigations", TextMap),
    need("cgroups", Table(&[maybe("v2", Table(HIERARCHY)), need("v1", Tables(HIERARCHY))])),
    need("last_capability", U32),
    later("capabilities", Table(SETS)),
    later("landlock", U32),
    need("uid", U32),
    need("gid", U32),
    need("features", Map(&Tagged(FEATURE))),
];

const HIERARCHY: &[Field] = &[need("mount", Text), need("controllers", Texts), need("writable", Flag)];

const SETS: &[Field] = &[
    need("inheritable", SIZE),
    need("permitted", SIZE),
    need("effective", SIZE),
    need("bounding", SIZE),
    need("ambient", SIZE),
];

const REASON: &[Field] = &[need("reason", Text), need("remedy", Text)];

const FEATURE: &[(&str, &[Field])] = &[("available", &[]), ("missing", REASON)];

const NOISE: &[Field] =
    &[need("load", Numbers(Some(2))), need("clock_read", Counts(u64::MAX)), need("stolen", Number)];

const GUARANTEE: &[Field] = &[
    need("id", Text),
    need("promise", Text),
    need("primitive", Text),
    need("source", Text),
    need("launcher", Text),
    need("outcome", Tagged(OUTCOME)),
    need("evidence", Tables(EVIDENCE)),
    maybe("control_red", Flag),
    maybe("remedy", Text),
    maybe("again", Table(&[need("command", Text), need("config", Any)])),
    need("millis", SIZE),
];

const OUTCOME: &[(&str, &[Field])] =
    &[("holds", &[]), ("broken", &[]), ("not-offered", &[need("reason", Text)]), ("not-testable", REASON)];

const EVIDENCE: &[Field] =
    &[need("fact", Text), need("expected", Text), need("found", Text), need("agrees", Flag)];

const COST: &[Field] =
    &[need("id", Text), need("title", Text), need("launcher", Text), need("series", Tables(SERIES))];

const SERIES: &[Field] = &[
    need("name", Text),
    maybe("against", Text),
    need("samples", Counts(u64::MAX)),
    later("on_cpu", Counts(u64::MAX)),
    need("steps", Tables(STEP)),
    maybe("enforced", Text),
];

const STEP: &[Field] = &[
    need("step", Text),
    need("side", Text),
    need("primitive", Text),
    need("start", Counts(u64::MAX)),
    need("duration", Counts(u64::MAX)),
];

const CELL: &[Field] = &[
    later("matrix", Text),
    need("victim", Text),
    need("measures", Text),
    maybe("aggressor", Text),
    maybe("intensity", Number),
    later("unit", Text),
    maybe("protection", Text),
    later("period", SIZE),
    need("samples", Counts(u64::MAX)),
    need("rounds", Counts(u64::MAX)),
    need("aggressor_work", Numbers(None)),
    later("usage", Tables(USAGE)),
    need("enforced", Text),
];

const USAGE: &[Field] = &[
    need("seconds", Number),
    need("served", SIZE),
    need("unserved", SIZE),
    need("cpu", SIZE),
    need("voluntary", SIZE),
    need("involuntary", SIZE),
    maybe("migrations", SIZE),
    maybe("throttled", SIZE),
    need("aggressor_cpu", SIZE),
];

const INSTRUMENT: &[Field] = &[
    need("request", Counts(u64::MAX)),
    need("outside", Counts(u64::MAX)),
    need("inside", Counts(u64::MAX)),
    need("watching", Number),
];

const QUESTION: &[Field] =
    &[need("matrix", Text), need("asks", Text), need("matters", Number), need("yes", Text), need("no", Text)];

const SWEEP: &[Field] = &[
    need("kind", Word(&["errno", "kill", "resources", "inputs", "soak", "parallel"])),
    need("launcher", Text),
    need("seed", SIZE),
    need("possible", SIZE),
    need("tried", SIZE),
    need("reached", SIZE),
    need("refused", SIZE),
    need("same", SIZE),
    need("late", SIZE),
    need("recovered", SIZE),
    need("seconds", Number),
    need("findings", Tables(FINDING)),
    need("not_reached", Texts),
    later("notes", Texts),
];

const FINDING: &[Field] = &[
    need("injection", Text),
    need("problem", Word(&["left", "weaker", "hang", "unnamed", "silent"])),
    need("evidence", Texts),
];

const MUTANT: &[Field] = &[
    need("guarantee", Text),
    need("without", Text),
    need("subtle", Flag),
    need("launcher", Text),
    need("is", Named(&["red", "green", "not-launched", "absent"], &[("not-testable", REASON)])),
    need("evidence", Tables(EVIDENCE)),
    need("others", Texts),
];

const BESIDE: &[Field] =
    &[need("guest", Text), need("memory", Tables(AMOUNT)), need("facts", Tables(SHARED))];

const AMOUNT: &[Field] =
    &[need("what", Text), need("container", Counts(u64::MAX)), need("guest", Counts(u64::MAX))];

const SHARING: What = Word(&["shared", "own", "not-seen"]);

const SHARED: &[Field] = &[
    need("fact", Text),
    need("host", Text),
    need("container", Text),
    need("container_is", SHARING),
    need("guest", Text),
    need("guest_is", SHARING),
];

const JUDGED: &[Field] = &[
    need("cost", Text),
    need("a", Text),
    need("b", Text),
    need("on_cpu", Flag),
    need("rule", Table(RULE)),
    maybe("calibration", Table(CALIBRATION)),
];

const RULE: &[Field] = &[need("margin", Number), need("error", Number)];

const CALIBRATION: &[Field] = &[
    need("subject", Text),
    need("metric", Text),
    need("rule", Table(RULE)),
    need("seconds", Number),
    need("false_alarms", Table(RATE)),
    need("equal", SIZE),
    need("power", Tables(&[need("times", Number), need("found", Table(RATE)), need("seconds", Number)])),
];

const RATE: &[Field] = &[need("hits", SIZE), need("of", SIZE)];
