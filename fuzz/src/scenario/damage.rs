//! One mistake in a file that was right: a kind of mistake, its place, and what must be said of it.

use arbitrary::{Result, Unstructured};

use super::input::{Kind, NO_PATHS, chance};
use super::keys::{Choice, EXPECT, Key, What};
use super::model::has_placeholder;
use super::names::rows;
use super::tree::{Node, Step};

/// A mistake.
#[derive(Debug, Clone)]
pub struct Damage {
    /// The way to what is wrong.
    pub way: Vec<Step>,
    /// What is wrong there.
    pub what: Mistake,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// A key that nobody knows.
    Unknown,
    /// A key that is needed is missing: this one.
    Missing(&'static str),
    /// A value of another type, or out of its range.
    Type,
    /// A word that is none of those there are.
    Word,
    /// A path that is none.
    Path,
    /// Nothing is expected of a fact.
    NoExpectation,
    /// Nothing is expected at all.
    NoFacts,
    /// A control that changes nothing.
    NoChange,
    /// An edit that is none of the three.
    Edit,
    /// Two questions, acts or workloads in one.
    Two,
    /// Against nobody.
    Against,
    /// A key stands there twice.
    Twice,
}

/// The key that nobody knows.
pub(super) const UNKNOWN: &str = "speed";
/// The keys of edits that are none.
const ODD: &[&[&str]] = &[&["set"], &["to"], &["remove", "to"], &["drop", "move"], &["move"], &[]];
/// The word that nobody knows.
pub(super) const NO_WORD: &str = "getpidd";

/// Makes a mistake in a tree, and tells which; none where there is no place for the one that was drawn.
pub(super) fn draw(kind: Kind, tree: &mut Node, u: &mut Unstructured<'_>) -> Result<Option<Damage>> {
    let mut places = Vec::new();
    walk(tree, &What::Table(kind.keys()), &mut Vec::new(), &mut |way, what, node| {
        places.extend(mistakes(what, node).into_iter().map(|mistake| (way.to_vec(), mistake)));
    });
    // Kinds first, so that those with few places are as likely.
    let all = [
        Mistake::Unknown,
        Mistake::Missing(""),
        Mistake::Type,
        Mistake::Word,
        Mistake::Path,
        Mistake::NoExpectation,
        Mistake::NoFacts,
        Mistake::NoChange,
        Mistake::Edit,
        Mistake::Two,
        Mistake::Against,
        Mistake::Twice,
    ];
    let wanted = std::mem::discriminant(u.choose(&all)?);
    let in_cases = cases_expect(tree);
    places.retain(|(way, mistake)| match mistake {
        // A case may expect nothing of its own; and all may be expected in cases.
        Mistake::NoFacts if way.len() != 1 => false,
        Mistake::NoFacts | Mistake::Missing("expect") if in_cases => false,
        _ => std::mem::discriminant(mistake) == wanted,
    });
    if places.is_empty() {
        return Ok(None);
    }
    let (way, what) = u.choose(&places)?.clone();
    let Some(node) = tree.at(&way) else { return Ok(None) };
    make(what, node, u)?;
    Ok(Some(Damage { way, what }))
}

/// Whether there are cases, and each expects something.
fn cases_expect(tree: &Node) -> bool {
    let expects = |case: &Node| matches!(case.get("expect"), Some(Node::Table(facts)) if !facts.is_empty());
    matches!(tree.get("case"), Some(Node::List(cases)) if !cases.is_empty() && cases.iter().all(expects))
}

/// What can go wrong at a node.
fn mistakes(what: &What, node: &Node) -> Vec<Mistake> {
    let mut all = match what {
        What::Table(keys) => {
            let needed = keys.iter().filter(|key| key.needed).map(|key| Mistake::Missing(key.name));
            let scalar =
                matches!(node, Node::Table(entries) if entries.iter().any(|(_, node)| is_scalar(node)));
            needed.chain([Mistake::Unknown]).chain(scalar.then_some(Mistake::Twice)).collect()
        }
        What::Word(_) | What::Launch | What::One(_) => vec![Mistake::Word],
        What::Path => vec![Mistake::Path],
        What::Edits | What::Plan => vec![Mistake::Edit],
        What::Against => vec![Mistake::Against],
        What::Any | What::Anything => return Vec::new(),
        _ => Vec::new(),
    };
    match what {
        What::Table(keys) if has(keys, "same_set_as") => all.push(Mistake::NoExpectation),
        What::Table(keys) if has(keys, "without") => all.push(Mistake::NoChange),
        What::Facts => all.extend([Mistake::NoFacts, Mistake::Path]),
        What::Launch | What::One(_) if matches!(node, Node::Table(_)) => all.push(Mistake::Two),
        _ => {}
    }
    all.push(Mistake::Type);
    all
}

fn has(keys: &[Key], name: &str) -> bool {
    keys.iter().any(|key| key.name == name)
}

fn is_scalar(node: &Node) -> bool {
    !matches!(node, Node::List(_) | Node::Table(_))
}

fn make(what: Mistake, node: &mut Node, u: &mut Unstructured<'_>) -> Result<()> {
    match (what, &mut *node) {
        (Mistake::Unknown, Node::Table(entries)) => entries.push((UNKNOWN.to_owned(), Node::Integer(3))),
        (Mistake::Missing(name), Node::Table(entries)) => entries.retain(|(key, _)| key != name),
        (Mistake::NoExpectation | Mistake::NoFacts, Node::Table(entries)) => entries.clear(),
        (Mistake::NoChange, Node::Table(entries)) => {
            entries.retain(|(key, _)| ["without", "subtle", "breaks"].contains(&key.as_str()))
        }
        (Mistake::Two, Node::Table(entries)) => entries.push((UNKNOWN.to_owned(), Node::Table(Vec::new()))),
        (Mistake::Twice, Node::Table(entries)) => {
            let again = entries.iter().find(|(_, node)| is_scalar(node)).cloned();
            entries.extend(again);
        }
        (Mistake::Word, Node::Table(entries)) => {
            entries.iter_mut().for_each(|(key, _)| NO_WORD.clone_into(key))
        }
        (Mistake::Word, node) => *node = Node::text(NO_WORD),
        (Mistake::Path, Node::Table(entries)) => {
            let path = *u.choose(NO_PATHS)?;
            entries.iter_mut().take(1).for_each(|(key, _)| path.clone_into(key));
        }
        (Mistake::Path, node) => *node = Node::text(u.choose(NO_PATHS)?),
        (Mistake::Edit, Node::List(items)) => {
            let odd = u.choose(ODD)?;
            items.push(Node::Table(odd.iter().map(|key| ((*key).to_owned(), Node::text("a"))).collect()));
        }
        (Mistake::Against, node) => *node = Node::List(vec![Node::text("nobody at all")]),
        (Mistake::Type, node) => *node = other(node, u)?,
        // The walk found a node of another form.
        _ => {}
    }
    Ok(())
}

/// A value of another type. A list would be taken for a structure, field by field, so it is none of these.
fn other(node: &Node, u: &mut Unstructured<'_>) -> Result<Node> {
    Ok(match node {
        Node::Integer(_) if chance(u, 4)? => Node::Integer(i64::MIN),
        Node::Text(_) | Node::List(_) => Node::Integer(-3),
        Node::Integer(_) | Node::Float(_) | Node::Flag(_) => Node::text("three"),
        Node::Table(_) => Node::Flag(true),
    })
}

/// Visits what can be wrong, with the way to it.
fn walk(node: &Node, what: &What, way: &mut Vec<Step>, visit: &mut dyn FnMut(&[Step], &What, &Node)) {
    visit(way, what, node);
    match what {
        What::Table(keys) => entries(node, keys, way, visit),
        What::Tables(keys) => each(node, way, &mut |way, node| walk(node, &What::Table(keys), way, visit)),
        What::Facts => each(node, way, &mut |way, node| walk(node, &What::Table(EXPECT), way, visit)),
        What::Several(choice) | What::Map(choice) => {
            each(node, way, &mut |way, node| walk(node, &What::One(*choice), way, visit));
        }
        // What such a table holds is looked at once its placeholders are filled in.
        What::One(Choice::Question | Choice::Act) if has_placeholder(node) => {}
        What::One(choice) => choose(node, rows(*choice), way, visit),
        What::Launch => choose(node, rows(Choice::Victim), way, visit),
        _ => {}
    }
}

fn each(node: &Node, way: &mut Vec<Step>, go: &mut dyn FnMut(&mut Vec<Step>, &Node)) {
    match node {
        Node::List(items) => {
            for (index, item) in items.iter().enumerate() {
                way.push(Step::Index(index));
                go(way, item);
                way.pop();
            }
        }
        Node::Table(entries) => {
            for (key, item) in entries {
                way.push(Step::Key(key.clone()));
                go(way, item);
                way.pop();
            }
        }
        _ => {}
    }
}

fn entries(node: &Node, keys: &[Key], way: &mut Vec<Step>, visit: &mut dyn FnMut(&[Step], &What, &Node)) {
    each(node, way, &mut |way, node| {
        let Some(Step::Key(name)) = way.last() else { return };
        let Some(key) = keys.iter().find(|key| key.name == name) else { return };
        walk(node, &key.what, way, visit);
    });
}

fn choose(
    node: &Node,
    rows: &[super::names::Row],
    way: &mut Vec<Step>,
    visit: &mut dyn FnMut(&[Step], &What, &Node),
) {
    each(node, way, &mut |way, node| {
        let Some(Step::Key(name)) = way.last() else { return };
        let Some((_, what)) = rows.iter().find(|(known, _)| known == name) else { return };
        walk(node, what, way, visit);
    });
}
