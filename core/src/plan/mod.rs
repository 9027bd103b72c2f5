//! The plan of a launch: its kernel operations in order, as data.
//!
//! [`Plan::compile`] is pure: the same config and host give the same plan, no privilege is needed, and a plan prints
//! like an EXPLAIN, one line an operation. What must come before what, and why, is a table in [`order`].

pub mod order;

use std::ffi::CString;
use std::fmt;

use crate::config::Config;
use crate::host::Host;
use crate::namespace::Kind;
use crate::{
    apparmor, capability, cgroup, device, landlock, mask, memory_policy, mount, namespace, personality,
    process, rootfs, scheduler, seccomp, selinux, sysctl,
};

/// Who performs an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The launcher.
    Parent,
    /// The child, between its clone and its exec.
    Child,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Side::Parent => "parent",
            Side::Child => "child",
        })
    }
}

/// One kernel operation, by primitive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// On cgroups.
    Cgroup(cgroup::Op),
    /// On namespaces.
    Namespace(namespace::Op),
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
}

impl Op {
    /// The kernel mechanism that the operation belongs to.
    #[must_use]
    pub fn primitive(&self) -> &'static str {
        match self {
            Op::Cgroup(_) => "cgroup",
            Op::Namespace(op) => op.primitive(),
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
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Cgroup(op) => op.fmt(f),
            Op::Namespace(op) => op.fmt(f),
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
}

impl Step {
    pub(crate) fn new(side: Side, op: Op) -> Step {
        Step { side, op }
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
        let clone = steps.len();
        let namespaces = namespace::at_clone(config, &directories);
        let into_group = directories.iter().any(|directory| directory.at_clone);
        steps.push(Step::new(Side::Parent, Op::Process(process::Op::Clone { namespaces, into_group })));
        cgroup::plan_join(&directories, &mut steps);
        process::begin(config, &mut steps);
        apparmor::plan(config, host, &mut steps)?;
        selinux::plan(config, host, &mut steps)?;
        namespace::plan(config, host, &directories, &mut steps)?;
        sysctl::plan(config, host, &mut steps);
        rootfs::plan(config, host, &mut steps)?;
        mount::plan(config, host, &directories, &mut steps)?;
        device::plan(config, &mut steps);
        mask::plan(config, &mut steps);
        rootfs::enter(config, &mut steps);
        landlock::plan(config, host, &mut steps);
        scheduler::plan(config, &mut steps);
        memory_policy::plan(config, &mut steps);
        personality::plan(config, &mut steps);
        process::identity(config, host, &mut steps)?;
        process::end(config, host, &mut steps)?;
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

    /// The same plan, with the workload stopped right after its exec.
    #[must_use]
    pub fn held(&self) -> Plan {
        let mut plan = self.clone();
        // With all privileges, which the kernel remembers as the tracer's: by fewer it would give the workload fewer at
        // its exec than one that is not held (PTRACE_TRACEME; capabilities(7)). So also before the filter.
        let fewer = |step: &Step| {
            use process::Op::{CloseDescriptors, Identity};
            matches!(step.op, Op::Capability(_) | Op::Process(Identity { .. } | CloseDescriptors))
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

fn gaps(config: &Config, host: &Host) -> Vec<String> {
    let mut gaps = Vec::new();
    let rules = config.cgroup.as_ref().is_some_and(|group| !group.resources.devices.is_empty());
    if rules && host.cgroups.is_v2("devices") {
        gaps.push(
            "linux.resources.devices: on cgroup v2 these need a BPF program, which is not supported yet"
                .into(),
        );
    }
    if config.process.terminal {
        gaps.push("process.terminal: a terminal is not supported yet; set it to false".into());
    }
    gaps.extend(landlock::gaps(config, host));
    gaps
}

fn notes(config: &Config, host: &Host) -> Vec<String> {
    let skipped = config.seccomp.iter().flat_map(seccomp::Filter::skipped);
    let mut notes: Vec<String> = skipped
        .map(|name| format!("linux.seccomp: no system call {name} is known for this architecture"))
        .collect();
    notes.extend(config.capabilities.granted(host, config.namespaces.makes(Kind::User)).1);
    if config.namespaces.makes(Kind::User) && !config.devices.is_empty() {
        notes.push("device nodes cannot be made in a user namespace: the host's are bound".into());
    }
    if config.namespaces.makes(Kind::User) && host.uid != 0 {
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
