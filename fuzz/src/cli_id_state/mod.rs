//! Containers by their ids: the store does what the docs say, whatever is under its names, and never leaves its root directory.

pub mod files;
pub mod input;
pub mod model;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use isolab_core::config::{Config, Violations};
use isolab_core::oci::{self, Spec};
use isolab_core::state::{Error, Found, State, Store};

use crate::target::{Target, draw, drawn};
use files::{Scratch, folder, made, names, plant};
use input::{Command, Drawn, Input, Node, Root, There};
use model::{Model, Said, is_name};

/// See above.
pub const TARGET: Target =
    Target { name: "cli_id_state", holds: cli_id_state, show: drawn::<Input>, live: true };

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn cli_id_state(bytes: &[u8]) {
    // One directory a process.
    static ALONE: Mutex<()> = Mutex::new(());
    let Some(input) = draw::<Input>(bytes) else { return };
    input.ids.iter().for_each(|id| config(id));
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let scratch = Scratch::new();
    let around = scratch.around();
    let mut world = World::new(&input, &scratch);
    for command in &input.commands {
        world.run(command);
        assert!(
            scratch.around() == around,
            "{command:?} has changed something outside of the root directory"
        );
        world.check(command);
    }
}

/// A config takes the same names.
fn config(id: &str) {
    static SPEC: OnceLock<Spec> = OnceLock::new();
    let spec = SPEC.get_or_init(|| {
        let text = br#"{"ociVersion":"1.2.0","root":{"path":"rootfs"},"process":{"cwd":"/","args":["x"],"user":{"uid":0,"gid":0}}}"#;
        oci::parse(text).unwrap_or_else(|error| panic!("{error}"))
    });
    let refused = match Config::new(spec, Path::new("/nowhere"), id) {
        Ok(_) => false,
        Err(Violations(all)) => {
            all.iter().any(|one| one.path == "container id" && one.problem.contains("is not 1 to 128"))
        }
    };
    assert_eq!(refused, !is_name(id), "a config is given the id {id:?}");
}

/// The store, and what is known of it.
struct World<'a> {
    input: &'a Input,
    store: Store,
    root: PathBuf,
    /// Whether commands can reach the root directory at all.
    usable: bool,
    models: Vec<Model>,
    /// Where their groups are, and whether each is still there.
    groups: (PathBuf, Vec<bool>),
}

impl World<'_> {
    fn new<'a>(input: &'a Input, scratch: &Scratch) -> World<'a> {
        let root = match input.root {
            Root::Later => scratch.root().join("a/b"),
            Root::Nul => scratch.root().join("a\0b"),
            _ => scratch.root(),
        };
        let mut models = vec![Model::Nothing; input.ids.len()];
        match input.root {
            Root::File => files::file(&root, b"x"),
            Root::Later | Root::Nul => {}
            Root::Here => {
                folder(&root);
                for ((id, there), model) in input.ids.iter().zip(&input.there).zip(&mut models) {
                    if is_name(id) {
                        *model = put(&root.join(id), id, there);
                    }
                }
            }
        }
        let usable = matches!(input.root, Root::Here | Root::Later);
        let groups = input.ids.iter().map(|id| is_name(id)).collect::<Vec<_>>();
        let named = input.ids.iter().filter(|id| is_name(id));
        named.for_each(|id| folder(&scratch.groups().join(id)));
        World {
            input,
            store: Store::new(root.clone()),
            root,
            usable,
            models,
            groups: (scratch.groups(), groups),
        }
    }

    fn run(&mut self, command: &Command) {
        match command {
            Command::Create(id, drawn, fifo) => self.create(self.at(*id), *drawn, *fifo),
            Command::Claim(id) => {
                drop(self.claim(self.at(*id)));
            }
            Command::Find(id) => self.find(self.at(*id)),
            Command::Write(id, drawn) => {
                let (at, drawn) = (self.at(*id), *drawn);
                self.locked(at, |entry, id| entry.write(&made(&drawn, id)), |model| model.write(drawn));
            }
            Command::WriteConfig(id) => {
                self.locked(self.at(*id), |entry, _| entry.write_config(b"null"), Model::write_config);
            }
            Command::Config(id) => self.config(self.at(*id)),
            Command::Start(id) => {
                let start = |entry: &isolab_core::state::Entry, _: &str| {
                    entry.start().map(|fifo| assert!(fifo.is_none(), "somebody waits"))
                };
                self.locked(self.at(*id), start, |model| model.start());
            }
            Command::Remove(id) => self.remove(self.at(*id)),
            Command::Recover => self.recover(),
            Command::List => self.list(),
            Command::Plant(id, name, node) => {
                let at = self.at(*id);
                if let Model::Directory(directory) = &mut self.models[at] {
                    let id = &self.input.ids[at];
                    plant(&self.root.join(id), *name, node, id);
                    directory.insert(*name, node.clone());
                }
            }
        }
    }

    fn at(&self, number: u8) -> usize {
        usize::from(number) % self.input.ids.len()
    }

    /// What is to be expected of a command on an id that may be none, below a root directory that may be none.
    fn expect<T>(&self, at: usize, got: &Result<T, Error>, wanted: &Said) -> bool {
        let id = &self.input.ids[at];
        let said = got.as_ref().err().map(ToString::to_string).unwrap_or_default();
        match got {
            Err(Error::Name(name)) => {
                assert!(!is_name(id) && name == id, "{id:?} is refused: {said}");
                assert!(said.contains("is not 1 to 128 of A-Z a-z 0-9 _ + - ."), "{said}");
                return false;
            }
            _ => assert!(is_name(id), "{id:?} is taken for a name"),
        }
        if !self.usable {
            assert!(matches!(got, Err(Error::System { .. })), "there is no root directory: {said}");
            return false;
        }
        match (got, wanted) {
            (Ok(_), Said::Done | Said::State(_) | Said::Empty) => true,
            (Err(Error::NotFound(name)), Said::NotFound) | (Err(Error::InUse(name)), Said::InUse) => {
                assert!(name == id, "{said}");
                false
            }
            (Err(Error::System { path, .. } | Error::Unreadable { path, .. }), Said::Refused) => {
                assert!(path.starts_with(self.root.join(id)), "it names another file: {said}");
                false
            }
            _ => panic!("{id:?}: {wanted:?} is due, not {said:?}"),
        }
    }

    /// The entry, when the name is free.
    fn claim(&mut self, at: usize) -> Option<isolab_core::state::Entry> {
        let id = &self.input.ids[at];
        let got = self.store.claim(id);
        self.groups.1[at] &= !self.models[at].gives_groups_back();
        let wanted = if self.usable && is_name(id) { self.models[at].claim() } else { Said::Refused };
        self.expect(at, &got, &wanted).then_some(got.ok()).flatten()
    }

    fn create(&mut self, at: usize, drawn: Drawn, fifo: bool) {
        let Some(entry) = self.claim(at) else { return };
        let id = &self.input.ids[at];
        let (written, wanted) = (entry.write(&made(&drawn, id)), self.models[at].write(drawn));
        self.expect(at, &written, &wanted);
        let (written, wanted) = (entry.write_config(b"null"), self.models[at].write_config());
        self.expect(at, &written, &wanted);
        if fifo {
            let (started, wanted) = (entry.make_start(), self.models[at].make_start());
            self.expect(at, &started, &wanted);
        }
    }

    fn find(&self, at: usize) {
        let (got, wanted) = (self.store.find(&self.input.ids[at]), self.models[at].look());
        if self.expect(at, &got, &wanted)
            && let (Ok((entry, state)), Said::State(drawn)) = (got, wanted)
        {
            self.same(at, &state, &drawn);
            let seen = (state.status(&entry).name(), state.is_left(&entry));
            assert_eq!(seen, (model::status(&drawn), model::is_left(&drawn)), "{drawn:?}");
        }
    }

    fn same(&self, at: usize, state: &State, drawn: &Drawn) {
        assert_eq!(*state, made(drawn, &self.input.ids[at]), "the state that was written last");
    }

    /// The entry, when the lock is taken as it must be.
    fn lock(&mut self, at: usize) -> Option<Found> {
        let wanted = if self.usable { self.models[at].lock() } else { Said::NotFound };
        let got = self.store.try_lock(&self.input.ids[at]);
        if !self.expect(at, &got, &wanted) {
            return None;
        }
        let found = got.ok()?;
        match (&found, &wanted) {
            (Found::Container(_, state), Said::State(drawn)) => self.same(at, state, drawn),
            (Found::Empty(_), Said::Empty) => {}
            _ => panic!("{wanted:?} is due, not {found:?}"),
        }
        Some(found)
    }

    fn locked<T>(
        &mut self,
        at: usize,
        act: impl Fn(&isolab_core::state::Entry, &str) -> Result<T, Error>,
        model: impl Fn(&mut Model) -> Said,
    ) {
        let Some(Found::Container(entry, _) | Found::Empty(entry)) = self.lock(at) else { return };
        let (got, wanted) = (act(&entry, &self.input.ids[at]), model(&mut self.models[at]));
        self.expect(at, &got, &wanted);
    }

    fn config(&mut self, at: usize) {
        let Some(Found::Container(entry, _) | Found::Empty(entry)) = self.lock(at) else { return };
        match (entry.config(), self.models[at].config()) {
            (Ok(read), Some(node)) => {
                assert_eq!(
                    read,
                    files::content(node, &self.input.ids[at]),
                    "the config that was written last"
                );
            }
            (Err(Error::System { .. } | Error::Unreadable { .. }), None) => {}
            (got, wanted) => panic!("{wanted:?} is due, not {got:?}"),
        }
    }

    fn remove(&mut self, at: usize) {
        let Some(Found::Container(entry, _) | Found::Empty(entry)) = self.lock(at) else { return };
        let (got, wanted) = (entry.remove(), self.models[at].remove());
        self.expect(at, &got, &wanted);
    }

    /// As the command does it, but for processes and groups, of which there are none.
    fn recover(&mut self) {
        let Ok(claimed) = self.store.names() else {
            assert!(!self.usable, "the names cannot be read");
            return;
        };
        for id in claimed {
            let at = self.input.ids.iter().position(|known| *known == id);
            let at = at.unwrap_or_else(|| panic!("{id:?} has nobody made"));
            match self.lock(at) {
                Some(Found::Container(entry, state)) if !state.is_left(&entry) => {}
                Some(Found::Container(entry, _) | Found::Empty(entry)) => {
                    let (got, wanted) = (entry.remove(), self.models[at].remove());
                    self.expect(at, &got, &wanted);
                }
                None => {}
            }
        }
    }

    fn list(&self) {
        let Ok(listed) = self.store.list() else {
            assert!(!self.usable, "the list cannot be read");
            return;
        };
        assert!(self.usable, "there is no root directory");
        let mut listed = listed.into_iter();
        for (at, id) in self.input.ids.iter().enumerate() {
            let wanted = match (&self.models[at], self.models[at].look()) {
                // A file or a link is no container.
                (Model::Odd, _) | (_, Said::NotFound) => continue,
                (_, said) => said,
            };
            let (entry, got) = listed.next().unwrap_or_else(|| panic!("{id:?} is not listed"));
            assert_eq!(entry.id(), id);
            if self.expect(at, &got, &wanted)
                && let (Ok(state), Said::State(drawn)) = (got, wanted)
            {
                self.same(at, &state, &drawn);
            }
        }
        assert!(listed.next().is_none(), "something is listed that is none");
    }

    /// The files are those that the model has, and states are what was written last.
    fn check(&self, command: &Command) {
        if !self.usable {
            return;
        }
        let mut wanted: Vec<String> = Vec::new();
        for (model, id) in self.models.iter().zip(&self.input.ids) {
            match model {
                Model::Nothing => continue,
                Model::Odd => {}
                Model::Directory(directory) => {
                    let mut files: Vec<&str> = directory.keys().map(|name| name.file()).collect();
                    files.sort_unstable();
                    assert_eq!(names(&self.root.join(id)), files, "after {command:?} in {id:?}");
                }
            }
            wanted.push(id.clone());
        }
        assert_eq!(names(&self.root), wanted, "after {command:?}");
        let groups = self.input.ids.iter().zip(&self.groups.1).filter(|(_, there)| **there);
        let groups: Vec<&String> = groups.map(|(id, _)| id).collect();
        assert_eq!(
            names(&self.groups.0),
            groups.into_iter().cloned().collect::<Vec<_>>(),
            "groups after {command:?}"
        );
        (0..self.input.ids.len()).for_each(|at| self.find(at));
    }
}

/// Puts what was there before.
fn put(path: &Path, id: &str, there: &There) -> Model {
    let model = Model::new(there);
    match there {
        There::Nothing => {}
        There::File => files::file(path, b"x"),
        There::Link => {
            std::os::unix::fs::symlink("../outside", path).unwrap_or_else(|error| panic!("{error}"))
        }
        There::Directory(_) => folder(path),
    }
    if let Model::Directory(directory) = &model {
        directory.iter().for_each(|(name, node): (_, &Node)| plant(path, *name, node, id));
    }
    model
}
