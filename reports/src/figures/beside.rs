//! A container beside a guest: memory, and what each shares with the host.

use crate::figures::answers::Tone;
use crate::record::{Amount, Record, Shared, Sharing};
use crate::stats::Sorted;
use crate::text::visible;
use crate::units;

/// A container beside a guest.
#[derive(Debug, Clone, PartialEq)]
pub struct Beside {
    /// The guest in words.
    pub guest: String,
    /// Memory of each.
    pub memory: Vec<Memory>,
    /// Fact by fact.
    pub rows: Vec<Row>,
}

/// One kind of memory, by the medians.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    /// Which.
    pub what: String,
    /// Of the container.
    pub container: String,
    /// Of the guest.
    pub guest: String,
    /// The guest's as a multiple of the container's; empty where one is not known.
    pub ratio: String,
}

/// One fact.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it is about.
    pub fact: String,
    /// As the host sees it.
    pub host: String,
    /// As the container sees it.
    pub container: Seen,
    /// As the guest sees it.
    pub guest: Seen,
}

/// What one of them sees, and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// What.
    pub found: String,
    /// In a word or two.
    pub verdict: &'static str,
    /// A colour for it: what is shared is no fault, but it is where to look.
    pub tone: Tone,
}

/// All of them.
pub(crate) fn of(record: &Record) -> Vec<Beside> {
    let all = record.beside.iter();
    all.map(|beside| Beside {
        guest: visible(&beside.guest),
        memory: beside.memory.iter().map(memory).collect(),
        rows: beside.facts.iter().map(row).collect(),
    })
    .collect()
}

fn memory(amount: &Amount) -> Memory {
    let median = |samples: &[u64]| Sorted::values(samples.iter().map(|bytes| *bytes as f64)).median();
    let (container, guest) = (median(&amount.container), median(&amount.guest));
    let shown = |median: Option<f64>, count: usize| match median {
        Some(bytes) => format!("{} · n\u{a0}{count}", units::bytes(bytes as u64)),
        None => "not to be read".into(),
    };
    let ratio = match (container, guest) {
        (Some(container), Some(guest)) if container > 0.0 => format!("×{:.0}", guest / container),
        _ => String::new(),
    };
    Memory {
        what: visible(&amount.what),
        container: shown(container, amount.container.len()),
        guest: shown(guest, amount.guest.len()),
        ratio,
    }
}

fn row(shared: &Shared) -> Row {
    Row {
        fact: visible(&shared.fact),
        host: short(&shared.host),
        container: seen(&shared.container, shared.container_is),
        guest: seen(&shared.guest, shared.guest_is),
    }
}

fn seen(found: &str, sharing: Sharing) -> Seen {
    let (verdict, tone) = match sharing {
        Sharing::Shared => ("shared", Tone::Wary),
        Sharing::Own => ("own", Tone::Good),
        Sharing::NotSeen => ("not compared", Tone::Plain),
    };
    Seen { found: short(found), verdict, tone }
}

/// Enough of a kernel's command line; the record has the rest.
fn short(text: &str) -> String {
    const MOST: usize = 72;
    let text = visible(text);
    match text.char_indices().nth(MOST) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_shown_by_its_median_with_the_ratio() {
        let amount =
            Amount { what: "x".into(), container: vec![1 << 20, 2 << 20, 9 << 20], guest: vec![200 << 20] };
        let memory = memory(&amount);
        assert_eq!(memory.container, "2.00\u{a0}MiB · n\u{a0}3");
        assert_eq!(memory.ratio, "×100");
        let unknown = Amount { what: "x".into(), container: vec![1], guest: Vec::new() };
        assert_eq!(super::memory(&unknown).ratio, "");
    }

    #[test]
    fn long_facts_are_cut() {
        assert_eq!(short(&"x".repeat(500)).chars().count(), 73);
        assert_eq!(short("a\u{1b}b"), "a\\u{1b}b");
    }
}
