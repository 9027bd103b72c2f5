//! One launch with questions, and the facts that come of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Instant;

use isolab_core::host::Host;
use isolab_core::observe::Observation;
use isolab_core::plan::Mutation;
use isolab_core::snapshot::{HostSnapshot, Scope, Settled, settle};
use serde_json::{Map, Value, json};

use super::act::Act;
use super::answers::{Answering, Failure};
use super::rig::{self, Agent, Console};
use super::scene::Scene;
use super::swap::Swaps;
use super::{make, outside, second};
use crate::bundle::{Bundle, base_config};
use crate::canary::Canary;
use crate::cancel::Cancel;
use crate::edit::{self, Edit};
use crate::facts;
use crate::group::Groups;
use crate::launcher::{LIMIT, Launcher, StartError};
use crate::probe::{Answers, PROGRAM, Questions};
use crate::schema::{Case, Control, Guarantee, Make, Rig};
use crate::scratch::Scratch;
use crate::stage;
use crate::template;

/// How long what a launch has left may take to go away by itself.
const SETTLE: std::time::Duration = std::time::Duration::from_secs(2);
/// How long launches are repeated at most.
const REPEAT: std::time::Duration = std::time::Duration::from_secs(6);

/// Where launches happen: everything that a run of checks owns.
pub(super) struct Site<'h> {
    host: &'h Host,
    program: &'h Path,
    /// Whether this is isolab's own stage.
    staged: bool,
    scratch: Scratch,
    groups: Groups,
    canary: Canary,
    /// What the host's own process looks like, for comparison.
    own: Value,
    launches: usize,
}

/// What to launch, and what to ask: guarantees that share a launch, a case of theirs, and what is wrong on purpose.
#[derive(Clone, Default)]
pub(super) struct Session<'g> {
    /// Those that are asked; the first says how to launch.
    pub(super) guarantees: Vec<&'g Guarantee>,
    pub(super) case: Option<&'g Case>,
    pub(super) control: Option<&'g Control>,
}

/// What was seen in a session.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    inside: Answers,
    later: Answers,
    rest: Value,
}

impl<'g> Session<'g> {
    fn first(&self) -> Option<&'g Guarantee> {
        self.guarantees.first().copied()
    }

    fn make(&self) -> Vec<&'g Make> {
        let own = self.first().map(|one| &one.make).into_iter().flatten();
        let case = self.case.map(|case| &case.make).into_iter().flatten();
        let control = self.control.map(|control| &control.make).into_iter().flatten();
        own.chain(case).chain(control).collect()
    }

    /// What the guarantees ask of the config.
    fn promised(&self) -> Vec<&'g Edit> {
        let own = self.first().map(|one| &one.config).into_iter().flatten();
        own.chain(self.case.map(|case| &case.config).into_iter().flatten()).collect()
    }

    fn rig(&self) -> Rig {
        let own = self.first().map(|one| one.rig.clone()).unwrap_or_default();
        self.control.and_then(|control| control.rig.clone()).unwrap_or(own)
    }

    fn questions(&self) -> BTreeMap<&'g str, BTreeMap<String, Value>> {
        let of = |(index, one): (usize, &&'g Guarantee)| {
            let mut asked = one.ask.clone();
            if index == 0 {
                asked.extend(self.case.map(|case| case.ask.clone()).into_iter().flatten());
                asked.extend(self.control.map(|control| control.ask.clone()).into_iter().flatten());
            }
            (one.id.as_str(), asked)
        };
        self.guarantees.iter().enumerate().map(of).collect()
    }

    /// Acts of the first guarantee, at one of their places, with what the case and the control have in their stead.
    fn acts(
        &self,
        own: impl Fn(&Guarantee) -> &BTreeMap<String, Value>,
        instead: impl Fn(&Control) -> &BTreeMap<String, Value>,
    ) -> BTreeMap<String, Value> {
        let mut acts = self.first().map(|one| own(one).clone()).unwrap_or_default();
        acts.extend(self.control.map(|control| instead(control).clone()).unwrap_or_default());
        acts
    }

    /// Whether it takes an OCI command line to launch it.
    fn is_lifecycle(&self) -> bool {
        let rig = self.rig();
        self.first().is_some_and(|one| one.lifecycle || !one.created.is_empty()) || rig.terminal
    }

    /// Whether `create` and `start` are two.
    fn is_created(&self) -> bool {
        self.rig().terminal || self.first().is_some_and(|one| !one.created.is_empty())
    }
}

impl Facts {
    /// The tree that the expectations of one guarantee look into.
    pub(super) fn of(&self, guarantee: &str) -> Value {
        let mut tree = self.rest.clone();
        tree["inside"] = json!(self.inside.get(guarantee));
        tree["later"] = json!(self.later.get(guarantee));
        tree
    }
}

/// The launch under way: what was made for it, and what has been seen so far.
struct Attempt<'s> {
    site: &'s Site<'s>,
    session: &'s Session<'s>,
    scene: Scene<'s>,
    values: Value,
    seen: Value,
    cancel: &'s Cancel,
}

impl<'h> Site<'h> {
    pub(super) fn new(host: &'h Host, program: &'h Path, staged: bool) -> io::Result<Site<'h>> {
        let scratch = Scratch::new()?;
        let canary = Canary::plant(&scratch, program)?;
        let own = Observation::of(stage::own_thread(), &host.cgroups).map_err(io::Error::other)?;
        let groups = Groups::new(scratch.name(), host);
        Ok(Site { host, program, staged, scratch, groups, canary, own: facts::tree(&own), launches: 0 })
    }

    pub(super) fn host(&self) -> &'h Host {
        self.host
    }

    pub(super) fn is_staged(&self) -> bool {
        self.staged
    }

    /// Launches the base bundle without questions, to see whether the launcher works here at all.
    pub(super) fn try_base(&mut self, launcher: &dyn Launcher, cancel: &Cancel) -> Result<(), Failure> {
        self.run(&Session::default(), launcher, cancel).map(drop)
    }

    /// Removes what the run made; also done on drop, where errors can only be printed.
    pub(super) fn close(self) -> io::Result<()> {
        self.groups.remove()
    }

    /// The config that a session launches, for somebody who wants to see it again.
    pub(super) fn config_of(&self, session: &Session<'_>) -> Result<Value, String> {
        let values = self.values("again", &self.scratch.path().join("again"), "again");
        let promised = self.promised(&session.promised(), "again", &values)?;
        fault(&promised, session, &values)
    }

    /// Launches, asks, looks, ends.
    pub(super) fn run(
        &mut self,
        session: &Session<'_>,
        launcher: &dyn Launcher,
        cancel: &Cancel,
    ) -> Result<Facts, Failure> {
        self.launches += 1;
        let id = format!("{}-{}", launcher.name(), self.launches);
        let dir = self.scratch.path().join(&id);
        self.canary.state()?;
        let done = self.launch(session, launcher, &id, cancel);
        let (inside, later, mut seen, promised) = match done {
            Ok(done) => done,
            Err(failure) => {
                if self.staged {
                    make::detach_below(&dir);
                }
                crate::scratch::remove_tree(&dir)?;
                return Err(failure);
            }
        };
        seen["outside"]["canary"] = self.canary.state()?;
        seen["host"] = self.own.clone();
        seen["canary"] = self.canary.facts();
        seen["config"] = promised;
        crate::scratch::remove_tree(&dir)?;
        Ok(Facts { inside, later, rest: seen })
    }

    fn launch(
        &self,
        session: &Session<'_>,
        launcher: &dyn Launcher,
        id: &str,
        cancel: &Cancel,
    ) -> Result<(Answers, Answers, Value, Value), Failure> {
        let dir = self.scratch.path().join(id);
        let mut values = self.values(id, &dir, launcher.name());
        let promised = self.promised(&session.promised(), id, &values).map_err(Failure::Scenario)?;
        let mut launched = fault(&promised, session, &values).map_err(Failure::Scenario)?;
        values["config"] = promised.clone();
        let questions = questions(&session.questions(), &values).map_err(Failure::Scenario)?;
        if launched["process"]["args"] == json!([PROGRAM]) {
            launched["process"]["args"] = json!([PROGRAM, "inside", "probe", questions]);
        }
        let bundle = Bundle::new(&self.scratch, self.program, id, launched)?;
        let mounted = make::make(bundle.dir(), self.program, &session.make(), self.staged)?;
        bundle.write()?;
        let about = (&bundle, &promised, id);
        let scene = Scene::new(self.host, &self.groups, self.program, launcher, about, cancel);
        let mut attempt = Attempt { site: self, session, scene, values, seen: json!({}), cancel };
        let mut scope = Scope::new();
        scope.own = false;
        scope.groups = vec![self.groups.path_of(id).trim_start_matches('/').into()];
        // What the launch makes in its own bundle goes with it, and is seen as `files`.
        scope.directories = Vec::new();
        // What acts make before the launch is not left by it.
        attempt.prepare()?;
        let before = HostSnapshot::take(&scope, self.host);
        let (inside, later) = attempt.through(launcher)?;
        let Attempt { mut scene, mut seen, .. } = attempt;
        scene.leave()?;
        drop(scene);
        seen["left"] = match settle(&scope, self.host, &before, SETTLE) {
            Settled::Nothing | Settled::Late(_) => json!([]),
            Settled::Left(left) => json!(left.iter().map(ToString::to_string).collect::<Vec<_>>()),
        };
        let made: Vec<String> = session.make().iter().map(|make| make.path.clone()).collect();
        seen["files"] = outside::files(bundle.dir(), &made)?;
        seen["outside"]["files"] = seen["files"].clone();
        drop(mounted);
        if self.staged {
            make::detach_below(bundle.dir());
        }
        Ok((inside, later, seen, promised.clone()))
    }

    /// What placeholders stand for.
    fn values(&self, id: &str, dir: &Path, launcher: &str) -> Value {
        let cpu = self.host.cpus.first().map(ToString::to_string);
        let arch = format!("SCMP_ARCH_{}", self.host.machine.to_uppercase());
        let mut groups = Map::new();
        for hierarchy in self.host.cgroups.v1.iter().chain(&self.host.cgroups.v2) {
            let group = hierarchy.mount.join(self.groups.path_of(id).trim_start_matches('/'));
            for controller in &hierarchy.controllers {
                groups.entry(controller.clone()).or_insert_with(|| json!(group));
            }
            groups.entry("any").or_insert_with(|| json!(group));
        }
        json!({
            "canary": self.canary.facts(),
            "dir": dir,
            "id": id,
            "launcher": launcher,
            "token": self.scratch.name(),
            "disk": disk(),
            "group": self.groups.path_of(id),
            "groups": groups,
            "cpu": cpu,
            "arch": arch,
        })
    }

    /// The base config with a guarantee's edits.
    fn promised(&self, edits: &[&Edit], id: &str, values: &Value) -> Result<Value, String> {
        let mut config = base_config(self.host);
        if self.host.uid == 0 {
            config["linux"]["cgroupsPath"] = json!(self.groups.path_of(id));
        }
        apply(&mut config, edits, values)?;
        Ok(config)
    }
}

impl Attempt<'_> {
    /// What is done before the launch.
    fn prepare(&mut self) -> Result<(), Failure> {
        let session = self.session;
        let mut before = session.acts(|one| &one.before, |_| &EMPTY);
        before.extend(session.case.map(|case| case.before.clone()).unwrap_or_default());
        before.extend(session.control.map(|control| control.before.clone()).unwrap_or_default());
        self.seen["before"] = self.perform(&before)?;
        Ok(())
    }

    /// The launch and all that follows, up to the container's end.
    fn through(&mut self, launcher: &dyn Launcher) -> Result<(Answers, Answers), Failure> {
        let session = self.session;
        let dir = self.scene.dir().to_owned();
        let agent = Agent::begin(&session.rig(), &dir)?;
        let swaps = session.first().map(|one| one.swap.as_slice()).unwrap_or_default();
        let swaps = Swaps::begin(&dir, swaps)?;
        self.repeat(launcher)?;
        let second = self.second(launcher)?;
        let begun = Instant::now();
        let done = self.start(launcher);
        let seconds = begun.elapsed().as_secs_f64();
        self.seen["exchanges"] = json!(swaps.end());
        let (answering, input) = match done {
            Ok(started) => {
                self.seen["launch"] =
                    json!({"started": true, "hang": false, "message": "", "seconds": seconds});
                started
            }
            Err(StartError::NotOffered(reason)) => return Err(Failure::NotOffered(reason)),
            Err(error) if session.first().is_some_and(|one| one.refused) => {
                let hang = matches!(error, StartError::Hang);
                let message = error.to_string();
                self.seen["launch"] =
                    json!({"started": false, "hang": hang, "message": message, "seconds": seconds});
                self.finish()?;
                return Ok((Answers::new(), Answers::new()));
            }
            Err(error) => return Err(Failure::Start(error)),
        };
        let looked = self.look(answering, input);
        if let Some(taken) = agent.end() {
            self.seen["agent"] = json!(taken);
        }
        let answers = looked?;
        if let Some(second) = second {
            self.seen["second"] = second.end(&self.site.host.cgroups)?;
        }
        self.finish()?;
        Ok(answers)
    }

    /// Launches of the same config that end by themselves: `repeat`.
    fn repeat(&mut self, launcher: &dyn Launcher) -> Result<(), Failure> {
        let times = self.session.first().map_or(0, |one| one.launches);
        if times == 0 {
            return Ok(());
        }
        let begun = Instant::now();
        let (mut done, mut refused) = (0, BTreeMap::<String, u64>::new());
        while done < times && begun.elapsed() < REPEAT {
            self.cancel.check()?;
            match launcher.run(self.scene.bundle, &format!("{}-{done}", self.scene.id)) {
                Ok(()) => {}
                Err(StartError::NotOffered(reason)) => return Err(Failure::NotOffered(reason)),
                Err(error) => *refused.entry(error.to_string()).or_default() += 1,
            }
            done += 1;
        }
        self.seen["repeat"] =
            json!({"done": done, "refused": refused.values().sum::<u64>(), "messages": refused});
        Ok(())
    }

    /// Starts a container beside the first; it has answered by then, unless both answer together.
    fn second(&self, launcher: &dyn Launcher) -> Result<Option<second::Container>, Failure> {
        let Some(declared) = self.session.first().and_then(|one| one.second.as_ref()) else {
            return Ok(None);
        };
        let id = format!("{}-second", self.scene.id);
        let mut config = self.scene.bundle.config().clone();
        let mut edits: Vec<&Edit> = declared.config.iter().collect();
        edits.extend(self.session.control.map(|control| &control.second).into_iter().flatten());
        apply(&mut config, &edits, &self.values).map_err(Failure::Scenario)?;
        let asked = BTreeMap::from([("second", declared.ask.clone())]);
        let questions = questions(&asked, &self.values).map_err(Failure::Scenario)?;
        config["process"]["args"] = json!([PROGRAM, "inside", "probe", questions]);
        if self.site.host.uid == 0 {
            config["linux"]["cgroupsPath"] = json!(self.site.groups.path_of(&id));
        }
        let bundle = Bundle::new(&self.site.scratch, self.site.program, &id, config)?;
        bundle.write()?;
        let streams = rig::streams(&Rig::default(), bundle.dir(), self.site.program)?;
        let container = launcher.start(&bundle, &id, streams.stdio).map_err(|error| match error {
            StartError::NotOffered(reason) => Failure::NotOffered(reason),
            other => Failure::Start(other),
        })?;
        let mut answering = Answering::of(streams.output);
        let answers = if declared.together { None } else { Some(answering.next(self.cancel, LIMIT)?) };
        Ok(Some(second::Container {
            bundle,
            container,
            answering,
            answers: answers.flatten(),
            input: streams.input,
        }))
    }

    /// Starts the container, in one step or two.
    fn start(&mut self, launcher: &dyn Launcher) -> Result<(Answering, OwnedFd), StartError> {
        let system = |operation| move |source| StartError::System { operation, source };
        let rig = self.session.rig();
        let bundle = self.scene.bundle;
        let streams =
            rig::streams(&rig, bundle.dir(), self.site.program).map_err(system("make the streams"))?;
        self.seen["stdio"] = streams.facts.clone();
        if !self.session.is_lifecycle() {
            // Core is no process of its own that could have a terminal; its command line is.
            let program = launcher.lifecycle().filter(|_| rig.caller_terminal);
            let launcher = program.map_or(launcher, |oci| oci as &dyn Launcher);
            let container = launcher.start(bundle, self.scene.id, streams.stdio)?;
            self.scene.enter(container);
            return Ok((Answering::of(streams.output), streams.input));
        }
        let Some(oci) = launcher.lifecycle() else {
            return Err(StartError::NotOffered(
                "it has no commands to create, start and look after a container".into(),
            ));
        };
        if !self.session.is_created() {
            let container = oci.start(bundle, self.scene.id, streams.stdio)?;
            self.scene.enter(container);
            return Ok((Answering::of(streams.output), streams.input));
        }
        let console = rig.terminal.then(|| Console::new(bundle.dir())).transpose();
        let console = console.map_err(system("make a console socket"))?;
        let path = console.as_ref().map(|console| console.path.as_path());
        let container = oci.create(bundle, self.scene.id, streams.stdio, path)?;
        self.scene.enter(container);
        let created = self.session.acts(|one| &one.created, |_| &EMPTY);
        self.seen["created"] =
            self.perform(&created).map_err(|failure| StartError::Refused(failure.to_string()))?;
        let terminal = console.map(|console| console.receive()).transpose();
        let terminal = terminal.map_err(system("receive the container's terminal"))?;
        oci.begin(bundle, self.scene.id)?;
        match terminal {
            None => Ok((Answering::of(streams.output), streams.input)),
            Some(terminal) => {
                let input = terminal.try_clone().map_err(system("duplicate a descriptor"))?;
                Ok((Answering::of(rig::Source::Stream(terminal)), input))
            }
        }
    }

    /// Reads the answers, looks from outside, acts, asks again, and lets the container end.
    fn look(&mut self, mut answering: Answering, input: OwnedFd) -> Result<(Answers, Answers), Failure> {
        let Some(inside) = answering.next(self.cancel, LIMIT)? else {
            let exit = self.scene.wait(LIMIT);
            let line = fs::read_to_string(self.scene.bundle.stderr()).unwrap_or_default();
            let line = line.trim().lines().last().unwrap_or_default().to_owned();
            if self.session.first().is_some_and(|one| one.refused) {
                // A launcher that has told a number and ends without a word has started nothing that could answer.
                self.seen["launch"]["started"] = json!(false);
                self.seen["launch"]["exit"] = json!(exit);
                self.seen["launch"]["message"] = json!(line);
                return Ok((Answers::new(), Answers::new()));
            }
            return Err(Failure::Silent { exit, line });
        };
        let seen = Observation::of(self.scene.pid(), &self.site.host.cgroups).map_err(io::Error::other)?;
        let rootfs = self.scene.bundle.rootfs();
        self.seen["outside"] = outside::alive(&seen, self.scene.promised, &rootfs, &self.site.host.cgroups);
        let mut acts = self.session.acts(|one| &one.act, |control| &control.act);
        if let Some(case) = self.session.case {
            acts.extend(case.act.clone());
        }
        self.seen["act"] = self.perform(&acts)?;
        let later = self.later(&mut answering, &input)?;
        self.hang_up(input)?;
        self.seen["outside"]["exit"] = json!(self.scene.wait(LIMIT));
        Ok((inside, later))
    }

    /// Ends the container's input. A terminal has other ends open: it gets its end-of-file character, and what somebody else has
    /// put into the caller's is told.
    fn hang_up(&mut self, input: OwnedFd) -> Result<(), Failure> {
        let rig = self.session.rig();
        if rig.caller_terminal {
            self.seen["stdio"]["received"] = json!(rig::received(&input)?);
        }
        if rig.caller_terminal || rig.terminal {
            // One that has ended does not listen.
            drop(File::from(input).write_all(&[rig::END_OF_FILE]));
        }
        Ok(())
    }

    fn later(&self, answering: &mut Answering, input: &OwnedFd) -> Result<Answers, Failure> {
        let Some(one) = self.session.first().filter(|one| !one.later.is_empty()) else {
            return Ok(Answers::new());
        };
        let asked = BTreeMap::from([(one.id.as_str(), one.later.clone())]);
        let line = questions(&asked, &self.values).map_err(Failure::Scenario)?;
        let mut input = File::from(input.try_clone()?);
        // One that has ended does not listen; then there is no answer either.
        drop(input.write_all(format!("{line}\n").as_bytes()));
        Ok(answering.next(self.cancel, LIMIT)?.unwrap_or_default())
    }

    /// Ends the container, and acts once it is gone.
    fn finish(&mut self) -> Result<(), Failure> {
        self.scene.leave()?;
        let after = self.session.acts(|one| &one.after, |control| &control.after);
        self.seen["after"] = self.perform(&after)?;
        Ok(())
    }

    fn perform(&mut self, acts: &BTreeMap<String, Value>) -> Result<Value, Failure> {
        let mut done = Map::new();
        for (name, act) in acts {
            self.cancel.check()?;
            let filled =
                template::fill(act, &self.values).map_err(|error| Failure::Scenario(error.to_string()))?;
            let act: Act =
                serde_json::from_value(filled).map_err(|error| Failure::Scenario(error.to_string()))?;
            done.insert(name.clone(), act.perform(&mut self.scene));
        }
        Ok(Value::Object(done))
    }
}

/// No acts.
static EMPTY: BTreeMap<String, Value> = BTreeMap::new();

/// The numbers of a guest's disk, if there is one.
fn disk() -> Value {
    use std::os::unix::fs::MetadataExt;
    let number = fs::metadata("/dev/vda").map(|meta| meta.rdev());
    number.map_or(Value::Null, |number| json!({"major": number >> 8 & 0xfff, "minor": number & 0xff}))
}

/// The config with what a control has wrong.
fn fault(promised: &Value, session: &Session<'_>, values: &Value) -> Result<Value, String> {
    let mut launched = promised.clone();
    if let Some(control) = session.control {
        apply(&mut launched, &control.config.iter().collect::<Vec<_>>(), values)?;
    }
    Ok(launched)
}

/// What a control has wrong in the plan.
pub(super) fn mutations(control: &Control) -> Vec<Mutation> {
    // That each is one was seen when the file was read.
    control.plan.iter().filter_map(|edit| edit.mutation().ok()).collect()
}

/// Fills in the placeholders of edits, and applies them.
fn apply(config: &mut Value, edits: &[&Edit], values: &Value) -> Result<(), String> {
    let value = |value: &Value| template::fill(value, values).map_err(|error| error.to_string());
    let filled = edits.iter().map(|edit| {
        Ok(match edit {
            Edit::Set { set, to } => Edit::Set { set: set.clone(), to: value(to)? },
            Edit::Append { append, value: item } => {
                Edit::Append { append: append.clone(), value: value(item)? }
            }
            Edit::Remove { remove } => Edit::Remove { remove: remove.clone() },
        })
    });
    let filled = filled.collect::<Result<Vec<_>, String>>()?;
    edit::apply(config, &filled).map_err(|error| error.to_string())
}

/// The questions as the probe's argument.
fn questions(asked: &BTreeMap<&str, BTreeMap<String, Value>>, values: &Value) -> Result<String, String> {
    let filled = template::fill(&json!(asked), values).map_err(|error| error.to_string())?;
    // Read once here, so that a mistake is the scenario's and not a container that ends without a word.
    let questions: Questions = serde_json::from_value(filled).map_err(|error| error.to_string())?;
    serde_json::to_string(&questions).map_err(|error| error.to_string())
}
