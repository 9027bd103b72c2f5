//! A process that is added to a running container: it makes nothing, and is confined as the first one is.

use isolab_core::cgroup::Op as C;
use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::namespace::{Kind, Op as N};
use isolab_core::plan::{self, Op, Plan, Running};
use isolab_core::process::{Agent, Op as P};
use isolab_core::rootfs::Op as R;
use isolab_core::{scheduler, terminal};

use super::expected::same;

/// Holds the plan of another process against that of the first.
pub(super) fn check(config: &Config, host: &Host, first: &Plan) {
    let running = Running { pid: 7, started: 9, directories: first.directories.clone() };
    let Ok(plan) = Plan::exec(config, host, &running) else { panic!("a plan, and none for another process") };
    assert_eq!(plan::order::violations(&plan), Vec::<String>::new(), "{plan}");
    assert_eq!((&plan.argv, &plan.env, plan.directories.len()), (&first.argv, &first.env, 0));
    let mut joined: Vec<Kind> = Vec::new();
    for step in plan.steps() {
        let fits = match &step.op {
            Op::Cgroup(op) => matches!(op, C::OpenGroup(_) | C::OpenJoin(_) | C::Join { .. }),
            Op::Namespace(N::JoinProcess { kinds }) => {
                joined.extend(kinds);
                true
            }
            Op::Namespace(op) => matches!(op, N::OpenProcess { pid: 7, started: 9 } | N::BecomeRoot),
            Op::Process(P::Clone { namespaces, .. }) => namespaces.is_empty(),
            Op::Root(op) => matches!(op, R::Open(_) | R::Chroot),
            Op::Mount(_) | Op::Device(_) | Op::Path(_) | Op::Hook(_) | Op::Sysctl(_) | Op::Network(_) => {
                false
            }
            _ => true,
        };
        assert!(fits, "{step}\n{plan}");
    }
    joined.sort_unstable();
    let kinds = Kind::ALL.into_iter().filter(|kind| config.namespaces.separates(*kind));
    assert_eq!(joined, kinds.collect::<Vec<_>>(), "{plan}");
    same(confinement(&plan), confinement(first), &plan);
    let affinity = config.scheduling.exec_affinity;
    let asked = usize::from(affinity.initial.is_some()) + usize::from(affinity.last.is_some());
    let set = |step: &&plan::Step| matches!(step.op, Op::Scheduler(scheduler::Op::Affinity(_)));
    assert_eq!(plan.steps().iter().filter(set).count(), asked, "{plan}");
}

/// What a plan does to its process, whoever does it, and whether it is the first or not.
fn confinement(plan: &Plan) -> Vec<Op> {
    let one = |op: &Op| match op {
        Op::Process(P::Clone { .. } | P::Undumpable) | Op::Scheduler(scheduler::Op::Affinity(_)) => None,
        Op::Process(P::OomScoreAdjOfChild(value)) => Some(Op::Process(P::OomScoreAdj(value.clone()))),
        Op::Process(P::Filter { program, agent: Some(agent) }) => {
            let agent = Some(Agent { first: true, ..agent.clone() });
            Some(Op::Process(P::Filter { program: program.clone(), agent }))
        }
        Op::Terminal(terminal::Op::Open { terminal, uid, .. }) => {
            Some(Op::Terminal(terminal::Op::Open { terminal: *terminal, uid: *uid, console: true }))
        }
        Op::Capability(_) | Op::Scheduler(_) | Op::MemoryPolicy(_) | Op::Personality(_) => Some(op.clone()),
        Op::AppArmor(_) | Op::Selinux(_) | Op::Landlock(_) | Op::Process(_) => Some(op.clone()),
        _ => None,
    };
    plan.steps().iter().filter_map(|step| one(&step.op)).collect()
}
