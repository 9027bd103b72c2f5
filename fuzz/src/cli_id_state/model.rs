//! What each command comes to, by the docs of `core/src/state`: on names, and on what is under them.

use std::collections::BTreeMap;

use super::input::{Drawn, Name, Node, There};

/// Whether a container may be called so: 1 to 128 of `A-Z a-z 0-9 _ + - .`, starting with neither `.` nor `-`.
#[must_use]
pub fn is_name(id: &str) -> bool {
    let ordinary =
        |byte: &u8| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'+' | b'-' | b'.');
    let bytes = id.as_bytes();
    (1..=128).contains(&bytes.len()) && bytes.iter().all(ordinary) && !matches!(bytes[0], b'.' | b'-')
}

/// A container's directory.
pub type Directory = BTreeMap<Name, Node>;

/// What is under an id.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    /// Nothing.
    Nothing,
    /// A file, or a link: no container.
    Odd,
    /// A directory.
    Directory(Directory),
}

/// What a command says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// It was done.
    Done,
    /// This is the state.
    State(Drawn),
    /// Nothing is noted of it yet.
    Empty,
    /// There is none.
    NotFound,
    /// Somebody else has it.
    InUse,
    /// Something is in the way, or cannot be read.
    Refused,
}

impl Model {
    /// What was there before.
    #[must_use]
    pub fn new(there: &There) -> Model {
        match there {
            There::Nothing => Model::Nothing,
            There::File | There::Link => Model::Odd,
            There::Directory(nodes) => {
                let mut directory = Directory::new();
                for (name, node) in nodes.iter().flatten() {
                    directory.entry(*name).or_insert_with(|| node.clone());
                }
                Model::Directory(directory)
            }
        }
    }

    /// What is noted of a container.
    #[must_use]
    pub fn look(&self) -> Said {
        match self {
            Model::Nothing => Said::NotFound,
            Model::Odd => Said::Refused,
            Model::Directory(directory) => match noted(directory) {
                Said::Empty => Said::NotFound,
                said => said,
            },
        }
    }

    /// A lock is taken; the file is made where there is none.
    pub fn lock(&mut self) -> Said {
        match self {
            Model::Nothing => Said::NotFound,
            Model::Odd => Said::Refused,
            Model::Directory(directory) => {
                if lock(directory) {
                    noted(directory)
                } else {
                    Said::Refused
                }
            }
        }
    }

    /// Whether claiming it removes its groups: its creator died in this boot, and it can be taken.
    #[must_use]
    pub fn gives_groups_back(&self) -> bool {
        let Model::Directory(directory) = self else { return false };
        let left = matches!(noted(directory), Said::State(drawn) if !is_taken(&drawn) && drawn.boot);
        let blocks = |name| matches!(directory.get(&name), Some(Node::Link | Node::Folder));
        left && !blocks(Name::Lock) && !blocks(Name::Start)
    }

    /// A name is claimed: what a creator left that died is removed.
    pub fn claim(&mut self) -> Said {
        let directory = match self {
            Model::Odd => return Said::Refused,
            Model::Nothing => {
                *self = Model::Directory([(Name::Lock, Node::File(super::input::Foreign::Empty))].into());
                return Said::Done;
            }
            Model::Directory(directory) => directory,
        };
        match noted(directory) {
            Said::Refused => return Said::Refused,
            Said::State(drawn) if is_taken(&drawn) => return Said::InUse,
            _ => {}
        }
        if !lock(directory) || matches!(directory.get(&Name::Start), Some(Node::Link | Node::Folder)) {
            return Said::Refused;
        }
        if remove_files(directory) { Said::Done } else { Said::Refused }
    }

    /// A container is removed by who has its lock; what is nobody's stays, and the directory with it.
    pub fn remove(&mut self) -> Said {
        let Model::Directory(directory) = self else { return Said::NotFound };
        if !remove_files(directory) {
            return Said::Refused;
        }
        directory.remove(&Name::Lock);
        if directory.is_empty() {
            *self = Model::Nothing;
        }
        Said::Done
    }

    /// A state is noted.
    pub fn write(&mut self, drawn: Drawn) -> Said {
        let Model::Directory(directory) = self else { return Said::Refused };
        if !can_put(directory, Name::NewState) {
            return Said::Refused;
        }
        if matches!(directory.get(&Name::State), Some(Node::Folder)) {
            directory.insert(Name::NewState, Node::State(drawn));
            return Said::Refused;
        }
        directory.remove(&Name::NewState);
        directory.insert(Name::State, Node::State(drawn));
        Said::Done
    }

    /// A config is kept.
    pub fn write_config(&mut self) -> Said {
        let Model::Directory(directory) = self else { return Said::Refused };
        if !can_put(directory, Name::Config) {
            return Said::Refused;
        }
        directory.insert(Name::Config, Node::File(super::input::Foreign::Null));
        Said::Done
    }

    /// Whether a config can be read.
    #[must_use]
    pub fn config(&self) -> Option<&Node> {
        let Model::Directory(directory) = self else { return None };
        directory.get(&Name::Config).filter(|node| is_file(node))
    }

    /// The FIFO is made where its name is free.
    pub fn make_start(&mut self) -> Said {
        let Model::Directory(directory) = self else { return Said::Refused };
        if directory.contains_key(&Name::Start) {
            return Said::Refused;
        }
        directory.insert(Name::Start, Node::Fifo);
        Said::Done
    }

    /// Nobody waits at any FIFO here; what cannot be opened is refused.
    #[must_use]
    pub fn start(&self) -> Said {
        let Model::Directory(directory) = self else { return Said::Refused };
        match directory.get(&Name::Start) {
            Some(Node::Link | Node::Folder) => Said::Refused,
            _ => Said::Done,
        }
    }
}

/// Whether a name with this state may not be claimed: it is a container, or is becoming one.
#[must_use]
pub fn is_taken(drawn: &Drawn) -> bool {
    drawn.complete || status(drawn) != "stopped"
}

/// What it is at. Nobody waits at any FIFO here, and it has no groups that could be frozen.
#[must_use]
pub fn status(drawn: &Drawn) -> &'static str {
    match drawn {
        Drawn { boot: false, .. } => "stopped",
        Drawn { complete: false, creator: true, .. } => "creating",
        Drawn { complete: true, init: Some(true), .. } => "running",
        _ => "stopped",
    }
}

/// Whether nobody is to delete it any more: its creator died before its end, or in the foreground, or with its boot.
#[must_use]
pub fn is_left(drawn: &Drawn) -> bool {
    let orphan = (!drawn.complete || drawn.foreground) && !drawn.creator;
    (orphan || !drawn.boot) && status(drawn) == "stopped"
}

/// What the state's file says.
fn noted(directory: &Directory) -> Said {
    match directory.get(&Name::State) {
        None => Said::Empty,
        Some(Node::State(drawn)) => Said::State(*drawn),
        // Of this version, under the name of another.
        Some(Node::Version(1)) => Said::State(Drawn {
            complete: true,
            creator: false,
            init: None,
            boot: true,
            foreground: false,
            mark: 7,
        }),
        Some(_) => Said::Refused,
    }
}

fn is_file(node: &Node) -> bool {
    !matches!(node, Node::Folder | Node::Link | Node::Fifo)
}

/// Takes the lock; it must be a file.
fn lock(directory: &mut Directory) -> bool {
    let node = directory.entry(Name::Lock).or_insert(Node::File(super::input::Foreign::Empty));
    // A FIFO can be locked as well.
    !matches!(node, Node::Folder | Node::Link)
}

fn can_put(directory: &Directory, name: Name) -> bool {
    directory.get(&name).is_none_or(is_file)
}

/// The state goes last; a directory under one of the names is in the way of those after it.
fn remove_files(directory: &mut Directory) -> bool {
    [Name::Start, Name::Config, Name::NewState, Name::State].into_iter().all(|name| {
        let folder = matches!(directory.get(&name), Some(Node::Folder));
        if !folder {
            directory.remove(&name);
        }
        !folder
    })
}
