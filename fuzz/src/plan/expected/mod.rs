//! Every operation of a plan but those on groups, told from the config and the host.

mod files;
mod namespaces;
mod rules;
mod workload;

use std::ffi::CString;
use std::fmt::Debug;

use isolab_core::config::Config;
use isolab_core::hook::{self, About, Point};
use isolab_core::host::Host;
use isolab_core::namespace::{self, Kind};
use isolab_core::plan::{Op, Plan, Side, Start};
use isolab_core::{mount, process};

use super::mounts;
pub(super) use rules::gaps as landlock_gaps;
pub(super) use workload::granted;

/// Holds a plan against the operations that are expected.
pub(super) fn check(config: &Config, host: &Host, plan: &Plan) {
    let found = plan.steps().iter().filter(|step| !matches!(step.op, Op::Cgroup(_)));
    let found = found.map(|step| (step.side, step.op.clone())).collect();
    let mut all = Vec::new();
    before_clone(config, host, plan, &mut all);
    namespaces::expect(config, host, &mut all);
    files::expect(config, host, plan, &mut all);
    hooks(config, &mut all);
    workload::expect(config, host, &mut all);
    same(found, all, plan);
    assert_eq!((&plan.argv, &plan.env), (&config.process.args, &config.process.env));
}

/// Two lists must be the same in some order. Nothing is printed or sorted as long as they are, which would take most of the time.
pub(super) fn same<T: PartialEq + Debug>(mut found: Vec<T>, wanted: Vec<T>, plan: &Plan) {
    let mut missing = Vec::new();
    for one in wanted {
        match found.iter().position(|other| *other == one) {
            Some(at) => drop(found.swap_remove(at)),
            None => missing.push(one),
        }
    }
    let right = missing.is_empty() && found.is_empty();
    assert!(right, "missing: {missing:#?}\nnobody asked for: {found:#?}\n{plan}");
}

type Expected = Vec<(Side, Op)>;

/// Whether something has to be entered before the clone, by a process of its own.
fn is_staged(config: &Config, host: &Host) -> bool {
    let own = &config.namespaces;
    let joins = own.joined.iter().any(|(kind, _)| [Kind::Pid, Kind::Time, Kind::User].contains(kind));
    joins || own.makes(Kind::Time) && host.uid == 0 && !host.has("time-namespace-at-exec")
}

/// Whether the maps are one line each, of the launcher's own ids.
pub(super) fn maps_itself(config: &Config, host: &Host) -> bool {
    let only = |lines: &[namespace::IdMap], id: u32| matches!(lines, [line] if (line.length, line.outside) == (1, id));
    only(&config.namespaces.ids.uids, host.uid) && only(&config.namespaces.ids.gids, host.gid)
}

fn before_clone(config: &Config, host: &Host, plan: &Plan, all: &mut Expected) {
    let own = &config.namespaces;
    all.extend(
        mounts::trees(config, host)
            .into_iter()
            .map(|(_, tree)| (Side::Parent, Op::Mount(mount::Op::Open(tree)))),
    );
    for (kind, path) in &own.joined {
        all.push((Side::Parent, Op::Namespace(namespace::Op::Open { kind: *kind, path: path.clone() })));
    }
    let staged = is_staged(config, host);
    if staged && !own.joined.is_empty() {
        all.push((Side::Stage, Op::Process(process::Op::Undumpable)));
    }
    let at_clone = plan.directories.iter().all(|directory| directory.at_clone);
    let later = |kind: &Kind| *kind == Kind::Time || *kind == Kind::Cgroup && !at_clone;
    let namespaces = own.new.iter().copied().filter(|kind| !later(kind)).collect();
    let listens = config.seccomp.as_ref().is_some_and(|filter| filter.listener().is_some());
    let start = if staged {
        Start::Staged
    } else if listens {
        Start::Copied
    } else {
        Start::Shared
    };
    let into_group = plan.directories.iter().any(|directory| directory.at_clone);
    all.push((Side::Parent, Op::Process(process::Op::Clone { namespaces, into_group, start })));
    if own.makes(Kind::Cgroup) && !at_clone {
        all.push((Side::Child, Op::Namespace(namespace::Op::Unshare(Kind::Cgroup))));
    }
}

fn about(config: &Config) -> About {
    About {
        version: config.version.clone(),
        id: config.id.clone(),
        bundle: config.bundle.clone(),
        annotations: config.annotations.clone(),
    }
}

fn hooks(config: &Config, all: &mut Expected) {
    let inside = [Point::CreateContainer, Point::StartContainer];
    let hooks =
        inside.iter().flat_map(|point| config.hooks.at(*point).iter().map(move |hook| (*point, hook)));
    for (nth, (point, hook)) in hooks.enumerate() {
        let text = |text: &String| CString::new(text.as_str()).unwrap_or_default();
        let op = hook::Op::Inside {
            point,
            nth,
            path: text(&hook.path.to_string_lossy().into_owned()),
            args: hook.args.iter().map(text).collect(),
            env: hook.env.iter().map(text).collect(),
            timeout: hook.timeout,
        };
        all.push((Side::Child, Op::Hook(op)));
        if nth == 0 {
            all.push((Side::Parent, Op::Hook(hook::Op::OpenState)));
            all.push((Side::Parent, Op::Hook(hook::Op::WriteState(about(config)))));
        }
    }
    // Those of the end and of what runs already are none of the launch.
    for point in [Point::Prestart, Point::CreateRuntime] {
        for hook in config.hooks.at(point) {
            let op = hook::Op::Outside { point, hook: hook.clone(), about: about(config) };
            all.push((Side::Parent, Op::Hook(op)));
        }
    }
}
