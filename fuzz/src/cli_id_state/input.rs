//! Ids, what somebody has put below the root directory, and a sequence of commands.

use arbitrary::{Arbitrary, Result, Unstructured};

/// A name in a container's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Arbitrary)]
pub enum Name {
    /// `lock`
    Lock,
    /// `state.json`
    State,
    /// `state.json.new`
    NewState,
    /// `config.json`
    Config,
    /// `start`
    Start,
    /// What is nobody's.
    Notes,
}

impl Name {
    /// All of them.
    pub const ALL: [Name; 6] =
        [Name::Lock, Name::State, Name::NewState, Name::Config, Name::Start, Name::Notes];

    /// As the file is called.
    #[must_use]
    pub fn file(self) -> &'static str {
        match self {
            Name::Lock => "lock",
            Name::State => "state.json",
            Name::NewState => "state.json.new",
            Name::Config => "config.json",
            Name::Start => "start",
            Name::Notes => "notes",
        }
    }
}

/// What can be under a name.
#[derive(Debug, Clone, PartialEq, Arbitrary)]
pub enum Node {
    /// A state, as a command writes it.
    State(Drawn),
    /// A state of another version.
    Version(u32),
    /// The beginning of a state: so many bytes of it are missing.
    Cut(u8),
    /// A file of somebody's.
    File(Foreign),
    /// A directory.
    Folder,
    /// A link to the file of that name outside of the root.
    Link,
    /// A FIFO that nobody reads.
    Fifo,
}

/// A file of somebody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub enum Foreign {
    /// Nothing in it.
    Empty,
    /// `null`
    Null,
    /// Another tool's state.
    Runc,
    /// No text.
    Binary,
    /// A state with a number that is none.
    Pid,
    /// A state whose lists are deep.
    Deep,
}

/// The state of a container, as far as it matters for who may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub struct Drawn {
    /// Whether its creator came to an end.
    pub complete: bool,
    /// Whether its creator lives.
    pub creator: bool,
    /// Its first process: none, dead or alive.
    pub init: Option<bool>,
    /// Whether it is of this boot.
    pub boot: bool,
    /// Whether it is a foreground run's.
    pub foreground: bool,
    /// Something to tell it from others.
    pub mark: u8,
}

/// A command. The number says which of the ids.
#[derive(Debug, Clone, PartialEq, Arbitrary)]
pub enum Command {
    /// Claims, and notes a state and a config; with a FIFO when that is wanted.
    Create(u8, Drawn, bool),
    /// Claims, and dies.
    Claim(u8),
    /// Looks.
    Find(u8),
    /// Replaces the state.
    Write(u8, Drawn),
    /// Replaces the config.
    WriteConfig(u8),
    /// Reads the config.
    Config(u8),
    /// Starts it.
    Start(u8),
    /// Removes it.
    Remove(u8),
    /// Removes what was left.
    Recover,
    /// Lists.
    List,
    /// Not a command: somebody puts something under a name, in a directory that is there.
    Plant(u8, Name, Node),
}

/// What is there below the root directory before.
#[derive(Debug, Clone, PartialEq, Arbitrary)]
pub enum There {
    /// Nothing.
    Nothing,
    /// A file.
    File,
    /// A link to a directory outside.
    Link,
    /// A directory with these.
    Directory(
        /// The first of each name counts.
        [Option<(Name, Node)>; 3],
    ),
}

/// What the root directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub enum Root {
    /// A directory.
    Here,
    /// One that is not there yet, nor the one above it.
    Later,
    /// A file.
    File,
    /// A path that no file has.
    Nul,
}

/// All of it.
#[derive(Debug)]
pub struct Input {
    /// The root directory.
    pub root: Root,
    /// The ids.
    pub ids: Vec<String>,
    /// What each stands for before, where it is a name.
    pub there: Vec<There>,
    /// The commands.
    pub commands: Vec<Command>,
}

/// Ids that may be, and some that look as if.
const IDS: &[&str] = &[
    "c1",
    "a",
    "0",
    "_x",
    "+y",
    "A-0.b",
    "c1.",
    "x..y",
    "c-1_2+3",
    "state.json",
    "lock",
    "",
    ".",
    "..",
    "../outside",
    "../../outside",
    "/",
    "/etc",
    "a/b",
    "a/",
    "-x",
    "--root",
    ".x",
    "...",
    "a\0b",
    "\0",
    "c1\0",
    "a b",
    "c1\n",
    "a\\b",
    "ü",
    "ａ",
    "a\u{202e}",
    "a%2fb",
    "~",
    "*",
    "a:b",
    "a@b",
    "c1,",
    "é",
    "k",
    "\u{212a}",
];

fn id(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(match u8::arbitrary(u)? % 8 {
        0..=2 => (*u.choose(&IDS[..11])?).to_owned(),
        3 | 4 => (*u.choose(IDS)?).to_owned(),
        5 => (*u.choose(&["a", "é", "/", "."])?).repeat(*u.choose(&[127, 128, 129, 64, 255, 256, 4096])?),
        6 => {
            let length = u.int_in_range(0..=6)?;
            let one = |u: &mut Unstructured<'_>| Ok(char::from(*u.choose(b"a0_+-./ \0Z")?));
            (0..length).map(|_| one(u)).collect::<Result<_>>()?
        }
        _ => u.arbitrary()?,
    })
}

impl Arbitrary<'_> for Input {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Input> {
        let root = match u8::arbitrary(u)? % 16 {
            0..=11 => Root::Here,
            12 | 13 => Root::Later,
            14 => Root::File,
            _ => Root::Nul,
        };
        let mut ids = (0..3).map(|_| id(u)).collect::<Result<Vec<_>>>()?;
        // Each once: what is there is drawn for each.
        ids.sort();
        ids.dedup();
        let there = ids.iter().map(|_| There::arbitrary(u)).collect::<Result<Vec<_>>>()?;
        let commands = (0..u.int_in_range(1..=8)?).map(|_| Command::arbitrary(u)).collect::<Result<_>>()?;
        Ok(Input { root, ids, there, commands })
    }
}
