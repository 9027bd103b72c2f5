//! Scenario files by their documented keys, most of them right, some with one mistake that is known.

use arbitrary::{Arbitrary, Result, Unstructured};

use super::damage::{self, Damage};
use super::keys::{Choice, EXPECT, GUARANTEE, Key, LADDER, MATRIX, What};
use super::names::rows;
use super::tree::Node;

/// What a file declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub enum Kind {
    /// A guarantee.
    Guarantee,
    /// A ladder.
    Ladder,
    /// A matrix.
    Matrix,
}

impl Kind {
    /// Its keys.
    #[must_use]
    pub fn keys(self) -> &'static [Key] {
        match self {
            Kind::Guarantee => GUARANTEE,
            Kind::Ladder => LADDER,
            Kind::Matrix => MATRIX,
        }
    }
}

/// A file.
#[derive(Debug)]
pub struct Input {
    /// What it declares.
    pub kind: Kind,
    /// What it holds; with the mistake, where there is one.
    pub tree: Node,
    /// The mistake.
    pub damage: Option<Damage>,
    /// How it is written down.
    pub choices: u64,
}

impl Arbitrary<'_> for Input {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Input> {
        let (kind, damaged, choices) = (Kind::arbitrary(u)?, chance(u, 3)?, u64::arbitrary(u)?);
        let mut tree = table(kind.keys(), u, 0)?;
        if kind == Kind::Matrix {
            name_neighbours(&mut tree);
        }
        let damage = if damaged { damage::draw(kind, &mut tree, u)? } else { None };
        Ok(Input { kind, tree, damage, choices })
    }
}

/// True `eighths` times of eight; false when there are no more bytes, so that trees end.
pub(super) fn chance(u: &mut Unstructured<'_>, eighths: u8) -> Result<bool> {
    Ok(u8::arbitrary(u)? % 8 >= 8 - eighths)
}

fn some(u: &mut Unstructured<'_>, most: usize) -> Result<usize> {
    u.int_in_range(0..=most)
}

/// Deeper than this, nothing nests that need not.
const DEEPEST: usize = 4;

fn table(keys: &[Key], u: &mut Unstructured<'_>, depth: usize) -> Result<Node> {
    let mut entries = Vec::new();
    for key in keys {
        if key.needed || chance(u, 2)? {
            entries.push((key.name.to_owned(), draw(&key.what, u, depth + 1)?));
        }
    }
    let is_control = keys.iter().any(|key| key.name == "without");
    if is_control && !changes(&entries) {
        entries.retain(|(key, _)| key != "config");
        entries.push(("config".to_owned(), Node::List(vec![edit(u)?])));
    }
    Ok(Node::Table(entries))
}

/// Whether a control of these entries changes something.
pub(super) fn changes(entries: &[(String, Node)]) -> bool {
    entries.iter().any(|(key, node)| match (key.as_str(), node) {
        ("without" | "subtle" | "breaks", _) => false,
        // As without one.
        ("rig", _) => true,
        (_, Node::List(items)) => !items.is_empty(),
        (_, Node::Table(entries)) => !entries.is_empty(),
        _ => false,
    })
}

fn draw(what: &What, u: &mut Unstructured<'_>, depth: usize) -> Result<Node> {
    Ok(match what {
        What::Text => Node::Text(text(u)?),
        What::Id => Node::text(u.choose(&["x", "pidns-init-is-1", "A-0", "-"])?),
        What::Flag => Node::Flag(bool::arbitrary(u)?),
        What::Count(most) => {
            Node::Integer((*u.choose(&[0, 1, 2, 4096, 1_000_000, 1 << 31, i64::MAX])?).min(*most))
        }
        What::Signed => Node::Integer(*u.choose(&[0, 9, -1, i64::from(i32::MIN), i64::from(i32::MAX)])?),
        What::Number => number(u)?,
        What::Texts | What::Against => list(u, 3, |u| Ok(Node::Text(text(u)?)))?,
        What::Numbers(_) => list(u, 3, number)?,
        What::TextMap => map(u, |u| Ok(Node::Text(text(u)?)))?,
        What::Word(words) => Node::text(u.choose(words)?),
        What::Words(words) => list(u, 3, |u| Ok(Node::text(u.choose(words)?)))?,
        What::Any => any(u, depth)?,
        What::Anything => list(u, 3, |u| any(u, depth))?,
        What::Path => Node::text(u.choose(PATHS)?.0),
        What::Address => Node::text(u.choose(&["198.18.0.1:7", "[::1]:65535", "0.0.0.0:0"])?),
        What::Arguments => {
            list(
                u,
                6,
                |u| if chance(u, 4)? { Ok(Node::Text(plain(u)?)) } else { draw(&What::Signed, u, depth) },
            )?
        }
        What::Edits => list(u, 3, edit)?,
        What::Plan => list(u, 2, plan)?,
        What::Facts => facts(u, depth)?,
        What::Table(keys) => table(keys, u, depth)?,
        What::Tables(keys) => {
            let count = some(u, if depth > DEEPEST { 0 } else { 3 })?;
            Node::List((0..count).map(|_| table(keys, u, depth)).collect::<Result<_>>()?)
        }
        What::One(choice) => one(*choice, u, depth)?,
        What::Map(choice) => map(u, |u| one(*choice, u, depth))?,
        What::Several(choice) => list(u, 2, |u| one(*choice, u, depth))?,
        What::Launch if chance(u, 2)? => Node::text("launch"),
        What::Launch => one(Choice::Victim, u, depth)?,
    })
}

fn one(choice: Choice, u: &mut Unstructured<'_>, depth: usize) -> Result<Node> {
    let rows = rows(choice);
    // Those that hold others of their kind end somewhere.
    let (name, what) = if depth > DEEPEST { &rows[0] } else { u.choose(rows)? };
    Ok(Node::Table(vec![((*name).to_owned(), draw(what, u, depth + 1)?)]))
}

fn list(
    u: &mut Unstructured<'_>,
    most: usize,
    mut item: impl FnMut(&mut Unstructured<'_>) -> Result<Node>,
) -> Result<Node> {
    let count = some(u, most)?;
    Ok(Node::List((0..count).map(|_| item(u)).collect::<Result<_>>()?))
}

/// Names of facts and annotations; each once in a table.
const NAMES: &[&str] = &["pid", "a", "b-c", "a.b", "", "ü", "user.isolab", "x y", "\"", "0"];

fn map(
    u: &mut Unstructured<'_>,
    mut value: impl FnMut(&mut Unstructured<'_>) -> Result<Node>,
) -> Result<Node> {
    let mut entries: Vec<(String, Node)> = Vec::new();
    for _ in 0..some(u, 3)? {
        let name = (*u.choose(NAMES)?).to_owned();
        let value = value(u)?;
        if !entries.iter().any(|(known, _)| *known == name) {
            entries.push((name, value));
        }
    }
    Ok(Node::Table(entries))
}

/// Paths as written, and as they are printed: names with dots, brackets or slashes stand in brackets, and so does an empty one.
pub(super) const PATHS: &[(&str, &str)] = &[
    ("inside.pid", "inside.pid"),
    ("left", "left"),
    ("linux.namespaces[type=pid]", "linux.namespaces[type=pid]"),
    ("linux.maskedPaths[=/proc/kcore]", "linux.maskedPaths[=/proc/kcore]"),
    ("outside.mounts[\"/proc/sys\"].options[0]", "outside.mounts[\"/proc/sys\"].options[0]"),
    ("a[\"b\"]", "a.b"),
    ("[\"first\"].x", "first.x"),
    ("a[\"b.c\"][18446744073709551615]", "a[\"b.c\"][18446744073709551615]"),
    ("a[\"\"]", "a[\"\"]"),
    ("a[07]", "a[7]"),
    ("[=]", "[=]"),
    ("ü.x y", "ü.x y"),
    ("a\"/b", "a\"/b"),
    ("a[\"\"].c", "a[\"\"].c"),
];

/// What is no path, and why not.
pub(super) const NO_PATHS: &[&str] =
    &["", ".", "a.", "a..b", "a[", "a[x]", "a[\"b]", "a[-1]", "a[18446744073709551616]", "a[]"];

fn facts(u: &mut Unstructured<'_>, depth: usize) -> Result<Node> {
    let mut entries: Vec<(String, Node)> = Vec::new();
    for _ in 0..=some(u, 2)? {
        let path = u.choose(PATHS)?.0.to_owned();
        let mut expected = table(EXPECT, u, depth + 1)?;
        if let Node::Table(expected) = &mut expected
            && expected.is_empty()
        {
            expected.push(("is".to_owned(), any(u, depth)?));
        }
        if !entries.iter().any(|(known, _)| *known == path) {
            entries.push((path, expected));
        }
    }
    Ok(Node::Table(entries))
}

fn edit(u: &mut Unstructured<'_>) -> Result<Node> {
    let path = Node::text(u.choose(PATHS)?.0);
    let entry = |key: &str, node| (key.to_owned(), node);
    Ok(Node::Table(match u.int_in_range(0..=2)? {
        0 => vec![entry("remove", path)],
        1 => vec![entry("set", path), entry("to", any(u, 2)?)],
        _ => vec![entry("value", any(u, 2)?), entry("append", path)],
    }))
}

fn plan(u: &mut Unstructured<'_>) -> Result<Node> {
    const FORMS: &[&[&str]] = &[&["drop"], &["move", "after"], &["move", "before"]];
    let keys = u.choose(FORMS)?;
    let entries = keys.iter().map(|key| Ok(((*key).to_owned(), Node::Text(plain(u)?))));
    Ok(Node::Table(entries.collect::<Result<_>>()?))
}

fn any(u: &mut Unstructured<'_>, depth: usize) -> Result<Node> {
    let most = if depth > DEEPEST { 3 } else { 5 };
    Ok(match u.int_in_range(0..=most)? {
        0 => Node::Integer(*u.choose(&[0, 1, -1, i64::MAX, i64::MIN, 1 << 53])?),
        1 => Node::Text(text(u)?),
        2 => Node::Flag(bool::arbitrary(u)?),
        3 => number(u)?,
        4 => list(u, 3, |u| any(u, depth + 1))?,
        _ => map(u, |u| any(u, depth + 1))?,
    })
}

fn number(u: &mut Unstructured<'_>) -> Result<Node> {
    Ok(Node::Float(*u.choose(&[0.0, 0.5, 1.0, -1.5, 1e300, 5e-324, 4.3e-5, f64::MAX])?))
}

/// Text without placeholders.
fn plain(u: &mut Unstructured<'_>) -> Result<String> {
    Ok((*u.choose(&[
        "a",
        "",
        "/proc/self",
        "mount",
        "ü",
        "a'b",
        "a\"b\\",
        "two\nlines",
        "\u{7f}\t\r",
        "#",
        "=",
        "{Dir}",
    ])?)
    .to_owned())
}

/// Text, perhaps with a placeholder.
fn text(u: &mut Unstructured<'_>) -> Result<String> {
    if chance(u, 1)? {
        return Ok(
            (*u.choose(&["{dir}", "{dir}/x", "{canary.pid}", "x{cpus.first}", "{X}{dir}"])?).to_owned()
        );
    }
    plain(u)
}

/// Protections are against what an aggressor is called or takes.
fn name_neighbours(tree: &mut Node) {
    let mut known = Vec::new();
    if let Some(Node::List(aggressors)) = tree.get("aggressor") {
        for aggressor in aggressors {
            known.extend(aggressor.get("name").cloned());
            if let Some(Node::List(takes)) = aggressor.get("takes") {
                known.extend(takes.clone());
            }
        }
    }
    let Node::Table(entries) = tree else { return };
    for (_, node) in entries.iter_mut().filter(|(key, _)| key == "protection") {
        let Node::List(protections) = node else { continue };
        for (place, protection) in protections.iter_mut().enumerate() {
            let Node::Table(entries) = protection else { continue };
            for (_, against) in entries.iter_mut().filter(|(key, _)| key == "against") {
                let Node::List(names) = against else { continue };
                let count = if known.is_empty() { 0 } else { names.len() };
                *names = known.iter().cycle().skip(place).take(count).cloned().collect();
            }
        }
    }
}
