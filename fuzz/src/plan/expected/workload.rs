//! The workload: as whom it runs, and with what.

use std::ffi::CString;

use isolab_core::capability::{self, Sets};
use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::namespace::Kind;
use isolab_core::plan::{Op, Side};
use isolab_core::process::{Agent, Op as P};
use isolab_core::{apparmor, memory_policy, personality, scheduler, selinux};

use super::{Expected, about, maps_itself, rules};

/// What the launcher can give (config.md, "Linux Process"): what the kernel knows and the launcher has, in a user namespace all; and
/// ambient only what is permitted and inheritable.
pub(in crate::plan) fn granted(config: &Config, host: &Host) -> Sets {
    let user = config.namespaces.separates(Kind::User);
    let known = if host.last_capability >= 63 { u64::MAX } else { (1 << (host.last_capability + 1)) - 1 };
    let had = known & if user { u64::MAX } else { host.capabilities.permitted };
    let bound = known & if user { u64::MAX } else { host.capabilities.bounding };
    let asked = config.capabilities;
    // capset(2): what is added to the inheritable set is in the bounding one.
    let (permitted, inheritable) =
        (asked.permitted & had, asked.inheritable & (had & bound | known & host.capabilities.inheritable));
    Sets {
        permitted,
        inheritable,
        effective: asked.effective & had,
        bounding: asked.bounding & bound,
        ambient: asked.ambient & had & permitted & inheritable,
    }
}

pub(super) fn expect(config: &Config, host: &Host, all: &mut Expected) {
    let process = &config.process;
    let own = &config.namespaces;
    if let Some(adjustment) = process.oom_score_adj {
        let text = CString::new(adjustment.to_string()).unwrap_or_default();
        // Only who is privileged outside sets the floor.
        let of_child = host.uid == 0 && own.makes(Kind::User);
        all.push(match of_child {
            true => (Side::Parent, Op::Process(P::OomScoreAdjOfChild(text))),
            false => (Side::Child, Op::Process(P::OomScoreAdj(text))),
        });
    }
    let mut push = |op| all.push((Side::Child, op));
    if let Some(name) =
        config.apparmor.as_ref().filter(|name| name.as_c_str() != c"unconfined" || host.has("apparmor"))
    {
        let text = CString::new([b"exec ", name.to_bytes()].concat()).unwrap_or_default();
        push(Op::AppArmor(apparmor::Op::OnExec(text)));
    }
    config.selinux.iter().for_each(|label| push(Op::Selinux(selinux::Op::OnExec(label.clone()))));
    let scheduling = &config.scheduling;
    scheduling.policy.into_iter().for_each(|policy| push(Op::Scheduler(scheduler::Op::Policy(policy))));
    scheduling.io_priority.into_iter().for_each(|one| push(Op::Scheduler(scheduler::Op::IoPriority(one))));
    config
        .memory_policy
        .into_iter()
        .for_each(|policy| push(Op::MemoryPolicy(memory_policy::Op::Set(policy))));
    config.personality.into_iter().for_each(|persona| push(Op::Personality(personality::Op::Set(persona))));
    for limit in &process.rlimits {
        push(Op::Process(P::Rlimit(*limit)));
        // RLIMIT_NOFILE
        if limit.resource == 7 {
            push(Op::Process(P::RaiseHard(*limit)));
        }
    }
    let sets = granted(config, host);
    // capset(2): only what the bounding set still has can be added to the inheritable one.
    if sets.inheritable & !sets.bounding != 0 {
        push(Op::Capability(capability::Op::Inherit(sets.inheritable)));
    }
    push(Op::Capability(capability::Op::Bound(sets.bounding, host.last_capability.min(63))));
    if process.uid != 0 {
        push(Op::Capability(capability::Op::Keep));
    }
    let denied = host.uid != 0 && own.makes(Kind::User) && maps_itself(config, host);
    if host.uid == 0 || own.separates(Kind::User) {
        let groups = if denied { None } else { Some(process.groups.clone()) };
        push(Op::Process(P::Identity { groups, gid: process.gid, uid: process.uid }));
    }
    let restricts = rules::expect(config, host, &mut push);
    let for_filter = (restricts || config.seccomp.is_some()) && !process.no_new_privs;
    push(Op::Capability(capability::Op::Set { sets, for_filter }));
    if process.no_new_privs {
        push(Op::Process(P::NoNewPrivs));
    }
    if let Some(filter) = &config.seccomp {
        let program = filter.compile().unwrap_or_else(|problem| panic!("{problem}"));
        let agent = filter.listener().map(|listener| Agent {
            listener: listener.clone(),
            about: about(config),
            first: true,
        });
        push(Op::Process(P::Filter { program, agent }));
    }
    let others = [
        P::Detach,
        P::SessionKeyring,
        P::Cwd(process.cwd.clone()),
        P::Umask(process.umask),
        P::CloseDescriptors { preserved: 0 },
        P::Exec(candidates(config)),
    ];
    others.into_iter().for_each(|op| push(Op::Process(op)));
}

/// As `execvp(3)` looks for it, in absolute directories alone.
fn candidates(config: &Config) -> Vec<CString> {
    let Some(name) = config.process.args.first().map(|name| name.to_string_lossy().into_owned()) else {
        return Vec::new();
    };
    if name.contains('/') {
        return vec![CString::new(name).unwrap_or_default()];
    }
    let entries = config.process.env.iter().map(|entry| entry.to_string_lossy().into_owned());
    let path = entries.filter_map(|entry| entry.strip_prefix("PATH=").map(str::to_owned)).next_back();
    let path = path.unwrap_or_else(|| "/bin:/usr/bin".to_owned());
    let places = path.split(':').filter(|place| place.starts_with('/'));
    places.map(|place| CString::new(format!("{place}/{name}")).unwrap_or_default()).collect()
}
