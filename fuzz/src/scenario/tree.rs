//! A TOML tree, and one of the many ways to write it down (TOML 1.0: "Keys", "String", "Table", "Array of Tables").

use serde_json::Value;

/// A value, or a table in the order in which it is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A number that is finite.
    Float(f64),
    /// A boolean.
    Flag(bool),
    /// An array.
    List(Vec<Node>),
    /// A table.
    Table(Vec<(String, Node)>),
}

/// A step to a node within another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into a table.
    Key(String),
    /// Into a list.
    Index(usize),
}

impl Node {
    /// A string.
    #[must_use]
    pub fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        let Node::Table(entries) = self else { return None };
        entries.iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// The node at the end of a way that leads somewhere.
    pub fn at(&mut self, way: &[Step]) -> Option<&mut Node> {
        let Some((step, rest)) = way.split_first() else { return Some(self) };
        let next = match (self, step) {
            (Node::Table(entries), Step::Key(key)) => {
                entries.iter_mut().find(|(name, _)| name == key).map(|(_, node)| node)
            }
            (Node::List(items), Step::Index(index)) => items.get_mut(*index),
            _ => None,
        };
        next?.at(rest)
    }

    /// As JSON has it.
    #[must_use]
    pub fn json(&self) -> Value {
        match self {
            Node::Text(text) => text.as_str().into(),
            Node::Integer(number) => (*number).into(),
            Node::Float(number) => (*number).into(),
            Node::Flag(flag) => (*flag).into(),
            Node::List(items) => items.iter().map(Node::json).collect(),
            Node::Table(entries) => entries.iter().map(|(key, node)| (key.clone(), node.json())).collect(),
        }
    }

    fn is_tables(&self) -> bool {
        match self {
            Node::List(items) => !items.is_empty() && items.iter().all(|item| matches!(item, Node::Table(_))),
            _ => false,
        }
    }
}

/// A file, and where in it each entry of the outermost table stands.
#[derive(Debug, Default)]
pub struct Written {
    /// The file.
    pub text: String,
    /// Key, index in the list that the key may have, first and last line from 1.
    pub places: Vec<(String, usize, usize, usize)>,
    choices: u64,
    turn: u32,
}

impl Written {
    /// Writes a table; `choices` are the decisions where there are several ways.
    #[must_use]
    pub fn of(table: &Node, choices: u64) -> Written {
        let mut written = Written { choices, ..Written::default() };
        if let Node::Table(entries) = table {
            written.table(&[], entries);
        }
        written
    }

    /// The lines of an entry of the outermost table, or of one item of it.
    #[must_use]
    pub fn lines(&self, key: &str, index: Option<usize>) -> Option<(usize, usize)> {
        let places = || {
            self.places.iter().filter(|(name, at, ..)| name == key && index.is_none_or(|index| index == *at))
        };
        Some((places().map(|place| place.2).min()?, places().map(|place| place.3).max()?))
    }

    fn choose(&mut self) -> bool {
        self.turn += 1;
        self.choices >> (self.turn % 64) & 1 == 1
    }

    fn line(&self) -> usize {
        self.text.matches('\n').count() + 1
    }

    /// What is written in place comes before what has a heading.
    fn table(&mut self, way: &[String], entries: &[(String, Node)]) {
        let mut headed = Vec::new();
        for (key, node) in entries {
            let can = matches!(node, Node::Table(_)) || node.is_tables();
            if can && way.len() < 3 && self.choose() {
                headed.push((key, node));
                continue;
            }
            let first = self.line();
            self.key(key);
            self.text.push_str(" = ");
            self.value(node);
            self.text.push('\n');
            if way.is_empty() {
                let items = if let Node::List(items) = node { items.len().max(1) } else { 1 };
                let last = self.line() - 1;
                self.places.extend((0..items).map(|index| (key.clone(), index, first, last)));
            }
        }
        for (key, node) in headed {
            let mut inner = way.to_vec();
            inner.push(key.clone());
            match node {
                Node::List(items) => {
                    items
                        .iter()
                        .enumerate()
                        .for_each(|(index, item)| self.section(&inner, Some(index), item));
                }
                _ => self.section(&inner, None, node),
            }
        }
    }

    fn section(&mut self, way: &[String], index: Option<usize>, node: &Node) {
        let Node::Table(entries) = node else { return };
        let first = self.line();
        let brackets = if index.is_some() { ["[[", "]]\n"] } else { ["[", "]\n"] };
        self.text.push_str(brackets[0]);
        for (place, key) in way.iter().enumerate() {
            if place > 0 {
                self.text.push('.');
            }
            self.key(key);
        }
        self.text.push_str(brackets[1]);
        self.table(way, entries);
        if let [key] = way {
            self.places.push((key.clone(), index.unwrap_or(0), first, self.line() - 1));
        }
    }

    fn key(&mut self, key: &str) {
        let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !key.is_empty() && key.bytes().all(bare) && !self.choose() {
            self.text.push_str(key);
        } else {
            self.string(key);
        }
    }

    fn value(&mut self, node: &Node) {
        match node {
            Node::Text(text) => self.string(text),
            Node::Integer(number) if *number >= 0 && self.choose() => {
                self.text.push_str(&format!("0x{number:x}"))
            }
            Node::Integer(number) => self.text.push_str(&number.to_string()),
            Node::Float(number) => self.text.push_str(&format!("{number:?}")),
            Node::Flag(flag) => self.text.push_str(&flag.to_string()),
            Node::List(items) => {
                let gap = if self.choose() { "\n  " } else { " " };
                self.text.push('[');
                for item in items {
                    self.text.push_str(gap);
                    self.value(item);
                    self.text.push(',');
                }
                self.text.push(']');
            }
            Node::Table(entries) => {
                self.text.push('{');
                for (place, (key, node)) in entries.iter().enumerate() {
                    self.text.push_str(if place == 0 { " " } else { ", " });
                    self.key(key);
                    self.text.push_str(" = ");
                    self.value(node);
                }
                self.text.push_str(" }");
            }
        }
    }

    fn string(&mut self, text: &str) {
        let plain = |c: char| c != '\'' && (c == '\t' || !c.is_control());
        if text.chars().all(plain) && self.choose() {
            return self.text.push_str(&format!("'{text}'"));
        }
        self.text.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.text.extend(['\\', c]),
                '\n' => self.text.push_str("\\n"),
                c if c.is_control() => self.text.push_str(&format!("\\u{:04X}", u32::from(c))),
                c => self.text.push(c),
            }
        }
        self.text.push('"');
    }
}
