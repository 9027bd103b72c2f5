//! The plan of a process that is added to a running container, with the posture of its first one.

use super::{Op, Plan, PlanError, Side, Start, Step, gaps, notes};
use crate::cgroup::{self, Directory};
use crate::config::Config;
use crate::host::Host;
use crate::namespace::{self, Kind};
use crate::{apparmor, landlock, memory_policy, personality, process, rootfs, scheduler, selinux, terminal};

/// A running container, as its launcher has kept it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its first process.
    pub pid: i32,
    /// When that was started, in clock ticks after boot (field 22 of `/proc/PID/stat`): its number may be another's by
    /// now.
    pub started: u64,
    /// Its groups.
    pub directories: Vec<Directory>,
}

impl Plan {
    /// Orders the operations that add `config.process` to a container that was made by `config` otherwise.
    ///
    /// # Errors
    /// When the host lacks something that the config needs.
    pub fn exec(config: &Config, host: &Host, running: &Running) -> Result<Plan, PlanError> {
        let mut steps = Vec::new();
        cgroup::plan_open(&running.directories, &mut steps);
        let affinity = config.scheduling.exec_affinity;
        let mut labels = Vec::new();
        apparmor::plan(config, host, &mut labels)?;
        selinux::plan(config, host, &mut labels)?;
        // Written through the host's /proc; the child inherits them.
        steps.extend(labels.into_iter().map(|label| Step::new(Side::Stage, label.op)));
        steps.extend(
            affinity.initial.map(|cpus| Step::new(Side::Stage, Op::Scheduler(scheduler::Op::Affinity(cpus)))),
        );
        namespace::enter(config, running.pid, running.started, &mut steps);
        let clone = steps.len();
        let into_group = running.directories.iter().any(|directory| directory.at_clone);
        let made = process::Op::Clone { namespaces: Vec::new(), into_group, start: Start::Staged };
        steps.push(Step::new(Side::Parent, Op::Process(made)));
        cgroup::plan_join(&running.directories, &mut steps);
        namespace::enter_groups(config, &mut steps);
        // Joining a group with a cpuset has set them anew.
        steps.extend(
            affinity.last.map(|cpus| Step::new(Side::Child, Op::Scheduler(scheduler::Op::Affinity(cpus)))),
        );
        process::begin(config, None, &mut steps);
        namespace::become_root(config, &mut steps);
        if config.namespaces.separates(Kind::Mount) {
            steps.push(Step::new(Side::Child, Op::Root(rootfs::Op::Open(c"/".into()))));
        }
        terminal::plan(config, false, &mut steps);
        if !config.namespaces.separates(Kind::Mount) {
            steps.push(Step::new(Side::Child, Op::Root(rootfs::Op::Chroot)));
        }
        landlock::plan(config, host, &mut steps);
        scheduler::plan(config, &mut steps);
        memory_policy::plan(config, &mut steps);
        personality::plan(config, &mut steps);
        process::identity(config, host, &mut steps)?;
        process::end(config, host, false, &mut steps)?;
        let (argv, env) = (config.process.args.clone(), config.process.env.clone());
        // The groups are the container's: they do not end with this process.
        let directories = Vec::new();
        let (gaps, notes) = (gaps(config, host), notes(config, host));
        Ok(Plan { steps, clone, argv, env, directories, gaps, notes })
    }
}
