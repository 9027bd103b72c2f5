//! Plans: for a drawn config on a drawn host, the operations that the model expects and no others, in an order that the kernel
//! allows, each of those on the host undone by what the plan keeps; or a refusal of something that the host lacks.

mod exec;
mod expected;
mod groups;
mod host;
mod limits;
mod lists;
mod mounts;
mod notes;
mod order;
mod refused;
mod sequence;

use std::collections::BTreeSet;
use std::path::Path;

use arbitrary::{Arbitrary, Result, Unstructured};
use isolab_core::config::Config;
use isolab_core::host::Host;
use isolab_core::namespace::Kind;
use isolab_core::plan::{self, Op, Plan, Side};
use isolab_core::{mount, oci, rootfs};
use isolab_scenarios::drawn;

use crate::target::{Target, draw};

/// See above.
pub const TARGET: Target = Target { name: "plan", holds: plan, show, live: false };

#[derive(Debug)]
struct Input {
    host: Host,
    config: drawn::Config,
}

impl<'b> Arbitrary<'b> for Input {
    fn arbitrary(bytes: &mut Unstructured<'b>) -> Result<Input> {
        Ok(Input { host: host::host(bytes)?, config: drawn::Config::arbitrary(bytes)? })
    }
}

fn show(bytes: &[u8]) -> String {
    draw::<Input>(bytes).map_or_else(
        || "too few bytes".to_owned(),
        |Input { host, config }| {
            let text = config.spec.to_string();
            let plan = accepted(&text).map(|config| {
                Plan::compile(&config, &host).map_or_else(|error| error.to_string(), |plan| plan.to_string())
            });
            format!("{text}\n{host:#?}\n{}", plan.unwrap_or_else(|| "not accepted".into()))
        },
    )
}

fn accepted(text: &str) -> Option<Config> {
    Config::new(&oci::parse(text.as_bytes()).ok()?, Path::new("/bundle"), "drawn").ok()
}

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn plan(bytes: &[u8]) {
    let Some(Input { host, config }) = draw::<Input>(bytes) else { return };
    let Some(config) = accepted(&config.spec.to_string()) else { return };
    let compiled = Plan::compile(&config, &host);
    assert_eq!(compiled, Plan::compile(&config, &host), "compiling is deterministic");
    let lacking = refused::lacking(&config, &host);
    let plan = match compiled {
        Ok(plan) => plan,
        Err(error) => {
            assert!(!error.problem.is_empty() && !error.remedy.is_empty(), "{error:?}");
            return assert!(lacking.contains(&error.path), "{error}; lacking are {lacking:?}");
        }
    };
    assert_eq!(lacking, BTreeSet::new(), "what this host lacks is planned");
    groups::check(&config, &host, &plan);
    expected::check(&config, &host, &plan);
    sequence::check(&config, &host, &plan);
    gaps(&config, &host, &plan);
    notes::check(&config, &host, &plan);
    stays_inside(&config, &plan);
    for (name, plan) in [
        ("it", &plan),
        ("held", &plan.held()),
        ("waiting", &plan.waiting()),
        ("both", &plan.waiting().held()),
    ] {
        assert_eq!(plan::order::violations(plan), Vec::<String>::new(), "{name}:\n{plan}");
        order::check(plan);
    }
    let kept = |step: &plan::Step| {
        matches!(step.op, Op::Process(isolab_core::process::Op::CloseDescriptors { preserved: 5 }))
    };
    assert_eq!(plan.preserving(5).steps().iter().filter(|step| kept(step)).count(), 1, "{plan}");
    exec::check(&config, &host, &plan);
}

/// What is asked and not given is said.
fn gaps(config: &Config, host: &Host, plan: &Plan) {
    let path = |gap: &String| gap.split_once(": ").map(|(path, _)| path.to_owned());
    let named: BTreeSet<String> = plan.gaps.iter().filter_map(path).collect();
    let mut gaps = limits::gaps(config, host);
    gaps.extend(expected::landlock_gaps(config, host));
    if config.mount_label.is_some() && !host.lsms.iter().any(|lsm| lsm == "selinux") {
        gaps.insert("linux.mountLabel".into());
    }
    // Of lists of v1 the check of the lists says it.
    let lists = lists::gap(config, host);
    gaps.extend(lists);
    assert_eq!(named, gaps, "{:#?}", plan.gaps);
}

/// What is made in a file system is made by the child, in mounts of its own; what the launcher does to the host are groups, links,
/// and files of its child in `/proc`.
fn stays_inside(config: &Config, plan: &Plan) {
    let own_mounts = config.namespaces.separates(Kind::Mount);
    for (index, step) in plan.steps().iter().enumerate() {
        let makes = matches!(step.op, Op::Device(_) | Op::Path(_))
            || matches!(&step.op, Op::Mount(op) if !matches!(op, mount::Op::Open(_)))
            || matches!(&step.op, Op::Root(op) if !matches!(op, rootfs::Op::Open(_) | rootfs::Op::Chroot));
        if makes {
            assert!(own_mounts && step.side == Side::Child && index > plan.clone_index(), "{step}\n{plan}");
        }
        assert!(!step.field().is_empty() && !step.to_string().is_empty() && !step.op.primitive().is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::inputs;

    const COUNT: usize = 2000;

    /// Or what is drawn does not get far: most of it is planned, and every mechanism of the kernel is in some plan.
    #[test]
    fn most_of_what_is_drawn_is_planned_and_with_all_mechanisms() {
        let mut found = BTreeSet::new();
        let mut planned = 0;
        for Input { host, config } in inputs(COUNT, 2048).filter_map(|bytes| draw(&bytes)) {
            let Some(config) = accepted(&config.spec.to_string()) else { continue };
            let Ok(plan) = Plan::compile(&config, &host) else { continue };
            planned += 1;
            found.extend(plan.steps().iter().map(|step| step.op.primitive()));
        }
        assert!(planned * 10 > COUNT * 3, "{planned} of {COUNT} are planned");
        assert!(found.len() >= 40, "{} mechanisms: {found:?}", found.len());
    }

    #[test]
    fn it_holds_for_what_is_drawn_at_random() {
        inputs(COUNT, 2048).for_each(|bytes| plan(&bytes));
        inputs(COUNT, 128).for_each(|bytes| plan(&bytes));
    }
}
