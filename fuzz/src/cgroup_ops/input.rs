//! Operations on a few groups, drawn: limits that a process that sleeps does not notice.

use arbitrary::{Arbitrary, Result, Unstructured};
use serde_json::{Map, Value, json};

/// Groups, some within others; of the last one those above are isolab's by their names, and go with it.
pub(crate) const NAMES: [&str; 5] = ["a", "b", "a/c", "b/c/d", "isolab-e/isolab-f/g"];

/// What is drawn.
#[derive(Debug, Clone)]
pub struct Input {
    pub(crate) ops: Vec<Op>,
}

/// An operation on the group of a name.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Make {
        name: usize,
        limits: Limits,
        everywhere: bool,
    },
    /// A process that sleeps goes there.
    Join(usize),
    Update(usize, Limits),
    Freeze {
        name: usize,
        frozen: bool,
        v1: bool,
    },
    Kill {
        name: usize,
        v1: bool,
    },
    Remove(usize),
}

/// What is asked for; `None` is not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    pub(crate) pids: Option<i64>,
    pub(crate) limit: Option<i64>,
    pub(crate) reservation: Option<i64>,
    pub(crate) swap: Option<i64>,
    pub(crate) swappiness: Option<u64>,
    pub(crate) shares: Option<u64>,
    pub(crate) idle: Option<i64>,
    pub(crate) quota: Option<i64>,
    pub(crate) period: Option<u64>,
    pub(crate) burst: Option<u64>,
    pub(crate) cpus: Option<&'static str>,
}

impl Limits {
    /// As `linux.resources` has them.
    #[must_use]
    pub(crate) fn resources(&self) -> Value {
        let mut resources = Map::new();
        let group = |fields: [(&str, Value); 6]| -> Map<String, Value> {
            fields
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.to_owned(), value))
                .collect()
        };
        let memory = group([
            ("limit", json!(self.limit)),
            ("reservation", json!(self.reservation)),
            ("swap", json!(self.swap)),
            ("swappiness", json!(self.swappiness)),
            ("", Value::Null),
            ("", Value::Null),
        ]);
        let cpu = group([
            ("shares", json!(self.shares)),
            ("idle", json!(self.idle)),
            ("quota", json!(self.quota)),
            ("period", json!(self.period)),
            ("burst", json!(self.burst)),
            ("cpus", json!(self.cpus)),
        ]);
        for (name, fields) in [("memory", memory), ("cpu", cpu)] {
            if !fields.is_empty() {
                resources.insert(name.into(), fields.into());
            }
        }
        if let Some(limit) = self.pids {
            resources.insert("pids".into(), json!({"limit": limit}));
        }
        resources.into()
    }
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Input> {
        let mut ops = Vec::new();
        for name in [0, u.int_in_range(1..=4)?] {
            ops.push(Op::Make { name, limits: limits(u)?, everywhere: u.int_in_range(0..=3)? == 3 });
        }
        for _ in 0..u.int_in_range(0..=14)? {
            ops.push(op(u)?);
        }
        Ok(Input { ops })
    }
}

fn op(u: &mut Unstructured<'_>) -> Result<Op> {
    let name = *u.choose(&[0, 0, 0, 1, 1, 2, 2, 3, 4, 4])?;
    Ok(match u.int_in_range(0..=23)? {
        0..=3 => Op::Make { name, limits: limits(u)?, everywhere: u.int_in_range(0..=3)? == 3 },
        4..=9 => Op::Join(name),
        10..=14 => Op::Update(name, limits(u)?),
        15..=17 => Op::Freeze { name, frozen: u.arbitrary()?, v1: u.int_in_range(0..=3)? == 3 },
        18..=20 => Op::Kill { name, v1: u.arbitrary()? },
        _ => Op::Remove(name),
    })
}

/// Quota and period: a tenth, a fifth and a half of a CPU, one, two, no limit, and what the kernel refuses.
const BANDWIDTHS: [(Option<i64>, Option<u64>); 16] = [
    (None, None),
    (None, None),
    (Some(-1), None),
    (Some(1000), None),
    (Some(50_000), None),
    (Some(50_000), Some(100_000)),
    (Some(50_000), Some(50_000)),
    (Some(100_000), Some(1_000_000)),
    (Some(200_000), Some(1_000_000)),
    (Some(200_000), Some(1_000_000)),
    (Some(200_000), Some(100_000)),
    (None, Some(1000)),
    (None, Some(50_000)),
    (None, Some(1_000_000)),
    (Some(999), Some(1000)),
    (Some(1000), Some(1_000_001)),
];

const MIB: i64 = 1 << 20;

fn limits(u: &mut Unstructured<'_>) -> Result<Limits> {
    let mut limits = Limits::default();
    let asked = *u.choose(&[1u8, 2, 3, 4, 4, 5, 6, 7, 8, 12, 15])?;
    if asked & 1 != 0 {
        limits.pids = Some(*u.choose(&[-1, 0, 1, 2, 100, 100, 4_194_304, 4_194_304, 4_194_305])?);
    }
    if asked & 2 != 0 {
        memory(u, &mut limits)?;
    }
    if asked & 4 != 0 {
        limits.shares = *u.choose(&[None, Some(2), Some(3), Some(1024), Some(262_144)])?;
        limits.idle = *u.choose(&[None, None, Some(0), Some(1)])?;
        (limits.quota, limits.period) = *u.choose(&BANDWIDTHS)?;
        limits.burst = *u.choose(&[None, None, Some(0), Some(1000), Some(60_000)])?;
    }
    if asked & 8 != 0 {
        limits.cpus = Some(*u.choose(&["0", "1", "0-1", "1,0", "0-1", "9999"])?);
    }
    Ok(limits)
}

/// What `linux.resources` says of memory is consistent, or the config is refused.
fn memory(u: &mut Unstructured<'_>, limits: &mut Limits) -> Result<()> {
    let sizes = [MIB, MIB + 1, 2 * MIB - 1, 64 * MIB, 1 << 40, i64::MAX, -1];
    limits.limit = if u.int_in_range(0..=7)? == 7 { None } else { Some(*u.choose(&sizes)?) };
    let least = limits.limit.unwrap_or(-1);
    limits.swap = match *u.choose(&[None, None, Some(0), Some(MIB), Some(5000), Some(-1)])? {
        Some(more) if more >= 0 && least >= 0 => Some(least.saturating_add(more)),
        Some(-1) if limits.limit.is_some() => Some(-1),
        _ => None,
    };
    limits.reservation = match *u.choose(&[None, Some(MIB), Some(4095), Some(-1)])? {
        Some(size) if least < 0 || size <= least => Some(size),
        _ => None,
    };
    limits.swappiness = *u.choose(&[None, None, Some(0), Some(60), Some(100)])?;
    Ok(())
}
