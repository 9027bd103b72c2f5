//! A process that is added to a running container: it makes nothing, and is confined as the first one is.

use isolab_core::cgroup::Op as C;
use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::namespace::{Kind, Op as N};
use isolab_core::plan::{self, Op, Plan, Running};
use isolab_core::process::Op as P;
use isolab_core::rootfs::Op as R;
use isolab_core::{scheduler, terminal};

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
    assert_eq!(confinement(&plan), confinement(first), "{first}\n{plan}");
    let affinity = config.scheduling.exec_affinity;
    let asked = usize::from(affinity.initial.is_some()) + usize::from(affinity.last.is_some());
    let set = |step: &&plan::Step| matches!(step.op, Op::Scheduler(scheduler::Op::Affinity(_)));
    assert_eq!(plan.steps().iter().filter(set).count(), asked, "{plan}");
}

/// What a plan does to its process, whoever does it.
fn confinement(plan: &Plan) -> Vec<String> {
    let one = |op: &Op| match op {
        Op::Process(P::Clone { .. } | P::Undumpable) | Op::Scheduler(scheduler::Op::Affinity(_)) => None,
        Op::Process(P::OomScoreAdj(value) | P::OomScoreAdjOfChild(value)) => {
            Some(format!("oom_score_adj {value:?}"))
        }
        Op::Process(P::Filter { program, agent }) => {
            let agent = agent.as_ref().map(|agent| (&agent.listener, &agent.about));
            Some(format!("{program:?} {agent:?}"))
        }
        Op::Terminal(terminal::Op::Open { terminal, uid, .. }) => Some(format!("{terminal:?} {uid}")),
        Op::Capability(_) | Op::Scheduler(_) | Op::MemoryPolicy(_) | Op::Personality(_) => {
            Some(format!("{op:?}"))
        }
        Op::AppArmor(_) | Op::Selinux(_) | Op::Landlock(_) | Op::Process(_) => Some(format!("{op:?}")),
        _ => None,
    };
    let mut all: Vec<String> = plan.steps().iter().filter_map(|step| one(&step.op)).collect();
    all.sort();
    all
}
