//! The plan of a launch: its kernel operations in order, as data.
//!
//! [`Plan::compile`] is pure: the same config and host give the same plan, no privilege is needed, and a plan prints
//! like an EXPLAIN, one line an operation. What must come before what, and why, is a table in [`order`].

mod exec;
mod field;
#[cfg(feature = "faults")]
mod mutant;
pub mod order;

use std::ffi::CString;
use std::fmt;

use crate::config::Config;
use crate::host::Host;
use crate::namespace::Kind;
use crate::planted::planted;
use crate::{
    apparmor, capability, cgroup, device, hook, landlock, mask, memory_policy, mount, namespace, network,
    personality, process, rootfs, scheduler, seccomp, selinux, sysctl, terminal,
};

pub use exec::Running;
#[cfg(feature = "faults")]
pub use mutant::{Mutation, NoSuchStep};

/// Who performs an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The launcher: before the clone, or while its child waits.
    Parent,
    /// A process between the two, which enters namespaces that the child is to be born in.
    Stage,
    /// The child, between its clone and its exec.
    Child,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Side::Parent => "parent",
            Side::Stage => "stage",
            Side::Child => "child",
        })
    }
}

/// What memory the child runs in, and whose child it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// In the launcher's memory, while the launching thread is suspended until its exec.
    Shared,
    /// In a copy of the launcher's memory, which goes on meanwhile.
    Copied,
    /// In a copy, born in the namespaces that a stage has entered.
    Staged,
}

/// One kernel operation, by primitive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// On cgroups.
    Cgroup(cgroup::Op),
    /// On namespaces.
    Namespace(namespace::Op),
    /// On the network.
    Network(network::Op),
    /// On the root file system.
    Root(rootfs::Op),
    /// On mounts.
    Mount(mount::Op),
    /// On device nodes.
    Device(device::Op),
    /// On masked and read-only paths.
    Path(mask::Op),
    /// On capabilities.
    Capability(capability::Op),
    /// On kernel parameters.
    Sysctl(sysctl::Op),
    /// On scheduling.
    Scheduler(scheduler::Op),
    /// On the memory policy.
    MemoryPolicy(memory_policy::Op),
    /// On the execution domain.
    Personality(personality::Op),
    /// On AppArmor.
    AppArmor(apparmor::Op),
    /// On SELinux.
    Selinux(selinux::Op),
    /// On Landlock.
    Landlock(landlock::Op),
    /// On the process.
    Process(process::Op),
    /// On its terminal.
    Terminal(terminal::Op),
    /// On its hooks.
    Hook(hook::Op),
}

impl Op {
    /// The kernel mechanism that the operation belongs to.
    #[must_use]
    pub fn primitive(&self) -> &'static str {
        match self {
            Op::Cgroup(_) => "cgroup",
            Op::Namespace(op) => op.primitive(),
            Op::Network(op) => op.primitive(),
            Op::Root(op) => op.primitive(),
            Op::Mount(op) => op.primitive(),
            Op::Device(_) => "devices",
            Op::Path(op) => op.primitive(),
            Op::Capability(_) => "capabilities",
            Op::Sysctl(_) => "sysctl",
            Op::Scheduler(op) => op.primitive(),
            Op::MemoryPolicy(_) => "memory policy",
            Op::Personality(_) => "personality",
            Op::AppArmor(_) => "apparmor",
            Op::Selinux(_) => "selinux",
            Op::Landlock(_) => "landlock",
            Op::Process(op) => op.primitive(),
            Op::Terminal(_) => "terminal",
            Op::Hook(_) => "hooks",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Cgroup(op) => op.fmt(f),
            Op::Namespace(op) => op.fmt(f),
            Op::Network(op) => op.fmt(f),
            Op::Root(op) => op.fmt(f),
            Op::Mount(op) => op.fmt(f),
            Op::Device(op) => op.fmt(f),
            Op::Path(op) => op.fmt(f),
            Op::Capability(op) => op.fmt(f),
            Op::Sysctl(op) => op.fmt(f),
            Op::Scheduler(op) => op.fmt(f),
            Op::MemoryPolicy(op) => op.fmt(f),
            Op::Personality(op) => op.fmt(f),
            Op::AppArmor(op) => op.fmt(f),
            Op::Selinux(op) => op.fmt(f),
            Op::Landlock(op) => op.fmt(f),
            Op::Process(op) => op.fmt(f),
            Op::Terminal(op) => op.fmt(f),
            Op::Hook(op) => op.fmt(f),
        }
    }
}

/// An operation and who performs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Who.
    pub side: Side,
    /// What.
    pub op: Op,
    /// Where in the config it comes from, if that is one of many.
    place: Option<String>,
}

impl Step {
    pub(crate) fn new(side: Side, op: Op) -> Step {
        Step { side, op, place: None }
    }

    /// With its place in the config, such as `mounts[2]`.
    pub(crate) fn at(self, place: String) -> Step {
        Step { place: Some(place), ..self }
    }

    /// Where in the config it comes from.
    #[must_use]
    pub fn field(&self) -> &str {
        self.place.as_deref().unwrap_or_else(|| self.op.field())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.op.fmt(f)
    }
}

/// Why no plan can be made of a valid config on this host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}; {remedy}")]
pub struct PlanError {
    /// Where the config asks for it.
    pub path: String,
    /// What is in the way.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl PlanError {
    pub(crate) fn new(
        path: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> PlanError {
        PlanError { path: path.into(), problem: problem.into(), remedy: remedy.into() }
    }
}

/// The operations of a launch, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    steps: Vec<Step>,
    clone: usize,
    /// The workload's arguments.
    pub argv: Vec<CString>,
    /// The workload's environment.
    pub env: Vec<CString>,
    /// The container's group in each hierarchy that it has one in.
    pub directories: Vec<cgroup::Directory>,
    /// What the config asks for and this plan does not give, each with the reason; a launch refuses a plan with gaps
    /// unless it is told to accept them.
    pub gaps: Vec<String>,
    /// What was left out on purpose, as the spec says: seccomp rules for calls that this kernel's headers do not know.
    pub notes: Vec<String>,
}

impl Plan {
    /// Orders the operations that make `config` true on `host`.
    ///
    /// # Errors
    /// When the host lacks something that the config needs.
    pub fn compile(config: &Config, host: &Host) -> Result<Plan, PlanError> {
        let mut steps = Vec::new();
        let directories = cgroup::plan(config, host, &mut steps)?;
        mount::plan_sources(config, host, &mut steps)?;
        hook::open(config, &mut steps);
        namespace::before_clone(config, host, &mut steps)?;
        let clone = steps.len();
        let namespaces = namespace::at_clone(config, &directories);
        let into_group = directories.iter().any(|directory| directory.at_clone);
        let start = start(config, &steps);
        steps
            .push(Step::new(Side::Parent, Op::Process(process::Op::Clone { namespaces, into_group, start })));
        cgroup::plan_join(&directories, &mut steps);
        process::begin(config, Some(host), &mut steps);
        apparmor::plan(config, host, &mut steps)?;
        selinux::plan(config, host, &mut steps)?;
        namespace::plan(config, host, &directories, &mut steps)?;
        network::plan(config, host, &mut steps)?;
        sysctl::plan(config, host, &mut steps);
        rootfs::plan(config, host, &mut steps)?;
        mount::plan(config, host, &directories, &mut steps)?;
        device::plan(config, &mut steps);
        mask::plan(config, host, &mut steps)?;
        terminal::plan(config, true, &mut steps);
        mount::finish(config, &mut steps);
        hook::plan_before_entry(config, &mut steps);
        rootfs::enter(config, &mut steps);
        landlock::plan(config, host, &mut steps);
        scheduler::plan(config, &mut steps);
        memory_policy::plan(config, &mut steps);
        personality::plan(config, &mut steps);
        process::identity(config, host, &mut steps)?;
        process::end(config, host, true, &mut steps)?;
        let (argv, env) = (config.process.args.clone(), config.process.env.clone());
        Ok(Plan {
            steps,
            clone,
            argv,
            env,
            directories,
            gaps: gaps(config, host),
            notes: notes(config, host),
        })
    }

    /// The plan to show to people: as [`compile`](Plan::compile) makes it for `host`, or, where its user may not do what
    /// the config asks for, as root would have it on the same host, with a note that says so.
    ///
    /// # Errors
    /// When the host lacks something that the config needs, whoever asks for it.
    pub fn preview(config: &Config, host: &Host) -> Result<Plan, PlanError> {
        Plan::compile(config, host).or_else(|refused| {
            let mut plan = Plan::compile(config, &host.as_root())?;
            plan.notes.push(format!("this is the plan for root; user {} is refused: {refused}", host.uid));
            Ok(plan)
        })
    }

    /// The operations in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Index of the clone. Operations of the parent after it are performed while the child runs.
    #[must_use]
    pub fn clone_index(&self) -> usize {
        self.clone
    }

    /// Whether the child borrows its launcher's memory until its exec.
    #[cfg(feature = "launch")]
    pub(crate) fn shares_memory(&self) -> bool {
        let clone = self.steps.get(self.clone).map(|step| &step.op);
        matches!(clone, Some(Op::Process(process::Op::Clone { start: Start::Shared, .. })))
    }

    /// The same plan, whose workload keeps so many of the launcher's descriptors from 3 on.
    #[must_use]
    pub fn preserving(&self, count: u32) -> Plan {
        let mut plan = self.clone();
        for step in &mut plan.steps {
            if let Op::Process(process::Op::CloseDescriptors { preserved }) = &mut step.op {
                *preserved = count;
            }
        }
        plan
    }

    /// The same plan, whose child waits to be started once nothing is left but its hooks, its filter and its exec, and
    /// whose launcher does not wait for the exec. That the program is there is seen before.
    #[must_use]
    pub fn waiting(&self) -> Plan {
        let mut plan = self.clone();
        let close = |step: &Step| match step.op {
            Op::Process(process::Op::CloseDescriptors { preserved }) => Some(preserved),
            _ => None,
        };
        let preserved = plan.steps.iter().find_map(close).unwrap_or(0);
        let last = |step: &Step| {
            let hook =
                matches!(step.op, Op::Hook(hook::Op::Inside { point: hook::Point::StartContainer, .. }));
            hook && !planted("start-hooks-before-the-start") || close(step).is_some()
        };
        let at = plan.steps.iter().position(last).unwrap_or(plan.steps.len());
        let program = plan.steps.iter().find_map(|step| match &step.op {
            Op::Process(process::Op::Exec(candidates)) => Some(candidates.clone()),
            _ => None,
        });
        let find = process::Op::Find(program.unwrap_or_default());
        for op in [process::Op::AwaitStart { preserved }, find] {
            plan.steps.insert(at, Step::new(Side::Child, Op::Process(op)));
        }
        if let Some(Op::Process(process::Op::Clone { start: start @ Start::Shared, .. })) =
            plan.steps.get_mut(plan.clone).map(|step| &mut step.op)
        {
            *start = Start::Copied;
        }
        plan
    }

    /// Whether parent and child have something to tell each other on the way.
    #[cfg(feature = "launch")]
    pub(crate) fn needs_gate(&self) -> bool {
        let shared =
            |step: &Step| matches!(step.op, Op::Process(process::Op::Clone { start: Start::Shared, .. }));
        let served = self.steps.iter().skip(self.clone + 1).any(|step| step.side == Side::Parent);
        served || !self.steps.get(self.clone).is_some_and(shared)
    }

    /// Whether the filter's listener is to be sent to somebody.
    #[cfg(feature = "launch")]
    pub(crate) fn has_agent(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step.op, Op::Process(process::Op::Filter { agent: Some(_), .. })))
    }

    /// The same plan, with the workload stopped right after its exec.
    #[must_use]
    pub fn held(&self) -> Plan {
        let mut plan = self.clone();
        // With all privileges, which the kernel remembers as the tracer's: by fewer it would give the workload fewer at
        // its exec than one that is not held (PTRACE_TRACEME; capabilities(7)). So also before the filter.
        let fewer = |step: &Step| {
            use process::Op::{CloseDescriptors, Identity};
            matches!(step.op, Op::Capability(_) | Op::Process(Identity { .. } | CloseDescriptors { .. }))
        };
        let at = plan.steps.iter().position(fewer).unwrap_or(plan.steps.len());
        plan.steps.insert(at, Step::new(Side::Child, Op::Process(process::Op::TraceMe)));
        plan
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:>3}  {:6}  {:18}  {step}", index + 1, step.side, step.op.primitive())?;
        }
        for gap in &self.gaps {
            writeln!(f, "     NOT ENFORCED: {gap}")?;
        }
        for note in &self.notes {
            writeln!(f, "     note: {note}")?;
        }
        Ok(())
    }
}

/// How the child is started after these steps.
fn start(config: &Config, steps: &[Step]) -> Start {
    let listener = config.seccomp.as_ref().is_some_and(|filter| filter.listener().is_some());
    match steps.iter().any(|step| step.side == Side::Stage) {
        true => Start::Staged,
        // The launcher has to take the listener while the child waits.
        false if listener => Start::Copied,
        false => Start::Shared,
    }
}

fn gaps(config: &Config, host: &Host) -> Vec<String> {
    let mut gaps = cgroup::gaps(config, host);
    gaps.extend(mount::gaps(config, host));
    gaps.extend(landlock::gaps(config, host));
    gaps
}

fn notes(config: &Config, host: &Host) -> Vec<String> {
    let skipped = config.seccomp.iter().flat_map(seccomp::Filter::skipped);
    let mut notes: Vec<String> = skipped
        .map(|name| format!("linux.seccomp: no system call {name} is known for this architecture"))
        .collect();
    notes.extend(cgroup::notes(config));
    notes.extend(mount::notes(config));
    notes.extend(config.capabilities.granted(host, config.namespaces.separates(Kind::User)).1);
    if config.namespaces.makes(Kind::User) && !config.devices.is_empty() {
        notes.push("device nodes cannot be made in a user namespace: the host's are bound".into());
    }
    let own = config.namespaces.ids.is_own_id(host.uid, host.gid);
    if config.namespaces.makes(Kind::User) && host.uid != 0 && own {
        notes.push(
            "setgroups is denied to this user's user namespaces: the launcher's additional groups stay"
                .into(),
        );
    }
    notes
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::oci;
    use std::path::Path;

    /// The plan of a config that uses every primitive, on a made-up host with v1 groups.
    pub(crate) fn plan() -> Plan {
        let mut json: serde_json::Value =
            serde_json::from_slice(include_bytes!("../../tests/configs/full.json")).unwrap();
        json["process"]["apparmorProfile"] = "p".into();
        json["process"]["selinuxLabel"] = "u:r:t".into();
        json["process"]["scheduler"] = serde_json::json!({"policy": "SCHED_BATCH"});
        json["process"]["ioPriority"] = serde_json::json!({"class": "IOPRIO_CLASS_IDLE"});
        json["linux"]["sysctl"] = serde_json::json!({"net.core.somaxconn": "1"});
        json["linux"]["personality"] = serde_json::json!({"domain": "LINUX32"});
        json["linux"]["memoryPolicy"] = serde_json::json!({"mode": "MPOL_BIND", "nodes": "0"});
        json["annotations"] = serde_json::json!({"org.isolab.landlock.execute": "/"});
        let spec = oci::parse(json.to_string().as_bytes()).unwrap();
        let config = Config::new(&spec, Path::new("/bundle"), "c1").unwrap();
        Plan::compile(&config, &Host::example()).unwrap()
    }

    #[test]
    fn compile_is_deterministic() {
        assert_eq!(plan(), plan());
    }

    #[test]
    fn a_missing_feature_is_named_with_its_remedy() {
        let spec = oci::parse(include_bytes!("../../tests/configs/full.json")).unwrap();
        let config = Config::new(&spec, Path::new("/bundle"), "c1").unwrap();
        let mut host = Host::example();
        host.cgroups.v1.retain(|hierarchy| hierarchy.controllers != ["memory"]);
        let error = Plan::compile(&config, &host).unwrap_err();
        assert_eq!(error.path, "linux.resources.memory.limit");
        assert!(error.to_string().contains("memory controller"), "{error}");
    }

    #[test]
    fn a_preview_needs_no_privileges() {
        let spec = oci::parse(include_bytes!("../../tests/configs/full.json")).unwrap();
        let config = Config::new(&spec, Path::new("/bundle"), "c1").unwrap();
        let mut host = Host::example();
        host.uid = 1000;
        host.cgroups.v1.iter_mut().for_each(|hierarchy| hierarchy.writable = false);
        let refused = Plan::compile(&config, &host).unwrap_err();
        let preview = Plan::preview(&config, &host).unwrap();
        host.uid = 0;
        host.cgroups.v1.iter_mut().for_each(|hierarchy| hierarchy.writable = true);
        assert_eq!(preview.steps(), Plan::compile(&config, &host).unwrap().steps());
        assert!(preview.notes.iter().any(|note| note.contains(&refused.to_string())), "{:?}", preview.notes);
    }

    #[test]
    fn prints_one_line_an_operation() {
        let plan = plan();
        let printed = plan.to_string();
        assert_eq!(printed.lines().count(), plan.steps().len() + plan.gaps.len() + plan.notes.len());
        assert!(printed.contains("clone3, new namespaces: pid net ipc uts mnt"), "{printed}");
    }
}
