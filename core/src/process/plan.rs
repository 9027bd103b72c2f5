//! What a launch does about the process itself.

use std::ffi::CString;
use std::fmt;

use crate::config::Config;
use crate::hook::{self, About};
use crate::host::Host;
use crate::namespace::Kind;
use crate::plan::{self, PlanError, Side, Start, Step};
use crate::planted::planted;
use crate::{capability, landlock, seccomp};

use super::Rlimit;

/// One operation on the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// The clone.
    Clone {
        /// Namespaces that the clone makes.
        namespaces: Vec<Kind>,
        /// Whether the child starts in its v2 group.
        into_group: bool,
        /// In what memory it runs, and whose child it is.
        start: Start,
    },
    /// Keeps the process from being inspected by what is in the namespaces that it enters (`PR_SET_DUMPABLE`).
    Undumpable,
    /// Leaves the caller's session, signal dispositions and standard streams behind.
    Detach,
    /// Writes `/proc/self/oom_score_adj`.
    OomScoreAdj(CString),
    /// The launcher writes that of its child, which is in a user namespace: only a privileged writer sets the floor below which the
    /// workload may not go (`proc_pid_oom_score_adj(5)`).
    OomScoreAdjOfChild(CString),
    /// Raises a hard limit, while that may be done; the limit itself comes later.
    RaiseHard(Rlimit),
    /// Sets a limit.
    Rlimit(Rlimit),
    /// Joins a new session keyring.
    SessionKeyring,
    /// Sets additional groups, group and user.
    Identity {
        /// Additional groups; `None` where the kernel does not let them be changed.
        groups: Option<Vec<u32>>,
        /// Group.
        gid: u32,
        /// User.
        uid: u32,
    },
    /// Enters the working directory, as the user.
    Cwd(CString),
    /// Sets the file mode creation mask.
    Umask(u32),
    /// Sets `no_new_privs`.
    NoNewPrivs,
    /// Asks to be stopped right after the exec, for observation.
    TraceMe,
    /// Looks for the program, as the exec will.
    Find(Vec<CString>),
    /// Waits to be started, with nothing of the launcher's open.
    AwaitStart {
        /// Descriptors from 3 on that the workload keeps.
        preserved: u32,
    },
    /// Closes every descriptor but 0, 1, 2 and those preserved, and unblocks all signals.
    CloseDescriptors {
        /// Descriptors from 3 on that the workload keeps.
        preserved: u32,
    },
    /// Loads the filter.
    Filter {
        /// Its instructions.
        program: seccomp::Program,
        /// Who is sent its listener, if it has one.
        agent: Option<Agent>,
    },
    /// Executes the first of these that exists.
    Exec(Vec<CString>),
}

/// Whom a filter's listener is sent to, and what is said of the container then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// The agent.
    pub listener: seccomp::listener::Listener,
    /// What it is told.
    pub about: About,
    /// Whether the process is the container's first, which is being created.
    pub first: bool,
}

impl Op {
    pub(crate) fn primitive(&self) -> &'static str {
        match self {
            Op::Clone { .. } => "clone3",
            Op::Detach
            | Op::OomScoreAdj(_)
            | Op::OomScoreAdjOfChild(_)
            | Op::Cwd(_)
            | Op::Umask(_)
            | Op::Undumpable
            | Op::Find(_)
            | Op::AwaitStart { .. }
            | Op::CloseDescriptors { .. }
            | Op::TraceMe => "process",
            Op::RaiseHard(_) | Op::Rlimit(_) => "rlimits",
            Op::SessionKeyring => "keyring",
            Op::Identity { .. } => "user",
            Op::NoNewPrivs => "no_new_privs",
            Op::Filter { .. } => "seccomp",
            Op::Exec(_) => "execve",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = |value: u64| if value == u64::MAX { "unlimited".to_owned() } else { value.to_string() };
        match self {
            Op::Clone { namespaces, into_group, start } => {
                let links: Vec<_> = namespaces.iter().map(|kind| kind.link()).collect();
                write!(
                    f,
                    "clone3, new namespaces: {}",
                    if links.is_empty() { "none".into() } else { links.join(" ") }
                )?;
                if *into_group {
                    write!(f, ", into the v2 group")?;
                }
                f.write_str(match start {
                    Start::Shared => "",
                    Start::Copied => ", on a copy of the memory",
                    Start::Staged => ", by the stage",
                })
            }
            Op::Detach => write!(f, "setsid, default signals, standard streams"),
            Op::OomScoreAdj(value) => {
                write!(f, "write /proc/self/oom_score_adj: {}", value.to_string_lossy())
            }
            Op::OomScoreAdjOfChild(value) => {
                write!(f, "write /proc/CHILD/oom_score_adj: {}", value.to_string_lossy())
            }
            Op::RaiseHard(rlimit) => {
                write!(f, "{} up to {}, if it is lower", rlimit.name, limit(rlimit.hard))
            }
            Op::Rlimit(rlimit) => write!(f, "{} {}:{}", rlimit.name, limit(rlimit.soft), limit(rlimit.hard)),
            Op::SessionKeyring => write!(f, "join a new session keyring"),
            Op::Identity { groups, gid, uid } => {
                if let Some(groups) = groups {
                    write!(f, "setgroups {groups:?}, ")?;
                }
                write!(f, "setresgid {gid}, setresuid {uid}")
            }
            Op::Cwd(path) => write!(f, "chdir {}", path.to_string_lossy()),
            Op::Umask(mask) => write!(f, "umask {mask:03o}"),
            Op::NoNewPrivs => write!(f, "set no_new_privs"),
            Op::TraceMe => write!(f, "be stopped after execve, for observation"),
            Op::Undumpable => write!(f, "not to be inspected"),
            Op::Find(candidates) => write!(f, "find {}", names(candidates)),
            Op::AwaitStart { .. } => write!(f, "close what is not needed, wait for the start"),
            Op::CloseDescriptors { preserved } => {
                write!(f, "close descriptors {} and up, unblock signals", preserved.saturating_add(3))
            }
            Op::Filter { program, agent } => {
                write!(f, "load a filter of {} instructions", program.instructions.len())?;
                match agent {
                    Some(agent) => write!(f, ", send its listener to {}", agent.listener.path.display()),
                    None => Ok(()),
                }
            }
            Op::Exec(candidates) => write!(f, "execve {}", names(candidates)),
        }
    }
}

fn names(candidates: &[CString]) -> String {
    let names: Vec<_> = candidates.iter().map(|path| path.to_string_lossy()).collect();
    names.join(" or ")
}

/// The first thing that a child does. `host` is given for the first process of a container alone: the user namespace of another
/// one is mapped.
pub(crate) fn begin(config: &Config, host: Option<&Host>, steps: &mut Vec<Step>) {
    let mut push = |op| steps.push(Step::new(Side::Child, plan::Op::Process(op)));
    push(Op::Detach);
    if let Some(value) =
        oom_score_adj(config).filter(|_| !host.is_some_and(|host| is_mapped_by_root(config, host)))
    {
        push(Op::OomScoreAdj(value));
    }
}

/// What the launcher does once its child's ids are mapped.
pub(crate) fn once_mapped(config: &Config, host: &Host, steps: &mut Vec<Step>) {
    if let Some(value) = oom_score_adj(config).filter(|_| is_mapped_by_root(config, host)) {
        steps.push(Step::new(Side::Parent, plan::Op::Process(Op::OomScoreAdjOfChild(value))));
    }
}

fn oom_score_adj(config: &Config) -> Option<CString> {
    config.process.oom_score_adj.map(|value| CString::new(value.to_string()).unwrap_or_default())
}

fn is_mapped_by_root(config: &Config, host: &Host) -> bool {
    host.uid == 0 && config.namespaces.makes(Kind::User)
}

/// Limits, user and capabilities, once the file systems are in place.
pub(crate) fn identity(config: &Config, host: &Host, steps: &mut Vec<Step>) -> Result<(), PlanError> {
    let process = &config.process;
    let mut push = |op| steps.push(Step::new(Side::Child, op));
    for limit in &process.rlimits {
        let files = limit.resource == libc::RLIMIT_NOFILE;
        push(plan::Op::Process(if files { Op::RaiseHard(*limit) } else { Op::Rlimit(*limit) }));
    }
    if !process.keeps_keyring {
        push(plan::Op::Process(Op::SessionKeyring));
    }
    let (sets, _) = config.capabilities.granted(host, config.namespaces.separates(Kind::User));
    if sets.inheritable & !sets.bounding != 0 {
        push(plan::Op::Capability(capability::Op::Inherit(sets.inheritable)));
    }
    push(plan::Op::Capability(capability::Op::Bound(sets.bounding, host.last_capability.min(63))));
    if process.uid != 0 {
        push(plan::Op::Capability(capability::Op::Keep));
    }
    // Where a process maps its own id alone, setgroups is denied for good (user_namespaces(7)).
    let denied = config.namespaces.makes(Kind::User)
        && host.uid != 0
        && config.namespaces.ids.is_own_id(host.uid, host.gid);
    if denied && !process.groups.is_empty() {
        return Err(PlanError::new(
            "process.user.additionalGids",
            "setgroups is denied in a user namespace made without privilege",
            "leave them out, or run as root",
        ));
    }
    if host.uid == 0 || config.namespaces.separates(Kind::User) {
        let groups = (!denied).then(|| process.groups.clone());
        push(plan::Op::Process(Op::Identity { groups, gid: process.gid, uid: process.uid }));
    } else if (process.uid, process.gid) != (host.uid, host.gid) {
        return Err(PlanError::new(
            "process.user",
            format!("user {} cannot become {}:{}", host.uid, process.uid, process.gid),
            "run as root, or use a user namespace",
        ));
    }
    let restricted = config.seccomp.is_some() || landlock::restrict(config, host).is_some();
    let for_filter = restricted && !process.no_new_privs;
    push(plan::Op::Capability(capability::Op::Set { sets, for_filter }));
    Ok(())
}

/// The last things: nothing may come between the filter and the exec. `first` says whether it is the container's first
/// process.
pub(crate) fn end(config: &Config, host: &Host, first: bool, steps: &mut Vec<Step>) -> Result<(), PlanError> {
    let process = &config.process;
    let push = |steps: &mut Vec<Step>, op| steps.push(Step::new(Side::Child, plan::Op::Process(op)));
    push(steps, Op::Cwd(process.cwd.clone()));
    push(steps, Op::Umask(process.umask));
    let late = planted("no-new-privs-after-landlock");
    if process.no_new_privs && !late {
        push(steps, Op::NoNewPrivs);
    }
    if first {
        hook::plan_start(config, steps);
    }
    steps.extend(landlock::restrict(config, host));
    if process.no_new_privs && late {
        push(steps, Op::NoNewPrivs);
    }
    // The launch itself opens more than a workload may be allowed.
    for limit in process.rlimits.iter().filter(|limit| limit.resource == libc::RLIMIT_NOFILE) {
        push(steps, Op::Rlimit(*limit));
    }
    push(steps, Op::CloseDescriptors { preserved: 0 });
    if let Some(filter) = &config.seccomp {
        let program = filter.compile().map_err(|violation| {
            PlanError::new(violation.path, violation.problem, "use fewer rules or fewer conditions")
        })?;
        let agent = filter.listener().map(|listener| Agent {
            listener: listener.clone(),
            about: hook::about(config),
            first,
        });
        push(steps, Op::Filter { program, agent });
    }
    push(steps, Op::Exec(process.candidates()));
    Ok(())
}
