//! `launch_config`: a config that is launched is what was asked for, does what it must, and leaves nothing.
//!
//! Asked and got are held against each other from outside for each input; for one in eight, by the input's own bytes, also
//! from inside and by the core's own comparison. Both sides of the oracle, what must be and what is, are
//! `isolab_scenarios::fuzzed`'s, where `isolab run --from-fuzz` has them too; none of it is the core's code.

use std::sync::OnceLock;
use std::time::Duration;

use isolab_core::host::Host;
use isolab_core::launch::{Container, start_watcher};
use isolab_core::observe::{Enforced, Observation, compare};
use isolab_core::snapshot::{HostSnapshot, Settled, settle};
use isolab_scenarios::fuzzed::{Ground, Held, ID, Input, Outside, acts, model, own_thread};
use serde_json::Value;

use crate::live::Worker;
use crate::target::{Target, draw};

/// The target.
pub const TARGET: Target = Target { name: "launch_config", holds, show, live: true };

/// After how many inputs the whole host is looked at.
const ROUND: u64 = 256;
/// How long what goes away by itself may take.
const PATIENCE: Duration = Duration::from_secs(10);

struct Place {
    ground: Ground,
    host: &'static Host,
    own: Outside,
    observed: Observation,
    before: HostSnapshot,
    inputs: u64,
}

fn holds(bytes: &[u8]) {
    static WORKER: OnceLock<Option<Worker>> = OnceLock::new();
    let start = || Worker::start(TARGET.name, make, one);
    if let Some(worker) = WORKER.get_or_init(start) {
        worker.run(bytes);
    }
}

/// An input as people read it.
#[must_use]
pub fn show(bytes: &[u8]) -> String {
    draw::<Input>(bytes).map_or_else(|| "too few bytes".to_owned(), |input| input.to_string())
}

fn make(host: &'static Host) -> Place {
    let failed = |what: &str, error: &dyn std::fmt::Display| -> ! { panic!("{what}: {error}") };
    let mut ground = Ground::new(host).unwrap_or_else(|error| failed("make a place to launch in", &error));
    // In a test others are at work in this process.
    ground.alone(cfg!(fuzzing));
    start_watcher().unwrap_or_else(|error| failed("start the watcher", &error));
    let own = Outside::of("thread-self").unwrap_or_else(|error| failed("observe this thread", &error));
    let observed = Observation::of(own_thread(), &host.cgroups);
    let observed = observed.unwrap_or_else(|error| failed("observe this thread", &error));
    let before = HostSnapshot::take(ground.scope(), host);
    Place { ground, host, own, observed, before, inputs: 0 }
}

fn one(place: &mut Place, bytes: &[u8]) {
    let Some(input) = draw::<Input>(bytes) else { return };
    let spec = place.ground.spec(&input, ID);
    let uptime = model::inside::uptime().unwrap_or_else(|error| panic!("read the uptime: {error}"));
    let refusals = model::refusals(&spec, &place.own, uptime);
    match place.ground.launch(&spec) {
        Ok(held) => {
            assert!(refusals.is_empty(), "launched, though the kernel refuses {refusals:?}\n{spec:#}");
            let missing = looked(place, held, &input, &spec);
            assert!(missing.is_empty(), "asked is not got:\n{}\n{input}", missing.join("\n"));
        }
        Err(error) => {
            let text = error.to_string();
            let expected = refusals.iter().any(|word| text.contains(word));
            assert!(expected, "refused: {text}\nwhat must be refused: {refusals:?}\n{input}");
        }
    }
    let left = place.ground.left().unwrap_or_else(|error| panic!("look for what is left: {error}\n{input}"));
    assert!(left.is_empty(), "left:\n{}\n{input}", left.join("\n"));
    place.inputs += 1;
    if place.inputs.is_multiple_of(ROUND) {
        let settled = settle(place.ground.scope(), place.host, &place.before, PATIENCE);
        assert!(!matches!(settled, Settled::Left(_)), "left by one of the last {ROUND} inputs: {settled:#?}");
    }
}

/// What is not as asked.
fn looked(place: &Place, held: Held, input: &Input, spec: &Value) -> Vec<String> {
    let Held { mut container, mut puppet, config } = held;
    let failed = |what: &str, error: &dyn std::fmt::Display| -> ! { panic!("{what}: {error}\n{input}") };
    let pid = container.pid();
    model::inside::greet(&mut puppet).unwrap_or_else(|error| failed("ask the workload", &error));
    let seen = Outside::of(&pid.to_string()).unwrap_or_else(|error| failed("observe the workload", &error));
    let mut missing = model::compare(spec, &seen, &place.own);
    if input.thorough {
        missing.extend(model::groups(spec, place.host));
        let inside = model::inside::ask(&mut puppet, spec);
        missing.extend(inside.unwrap_or_else(|error| failed("ask the workload", &error)));
        let mut seen = Observation::of(pid, &place.host.cgroups)
            .unwrap_or_else(|error| failed("observe the workload", &error));
        seen.read_sysctls(pid, &config);
        match compare(&config, place.host, &place.observed, &seen) {
            Enforced::Enforced => {}
            other => missing.push(other.to_string()),
        }
    }
    let got =
        acts::perform(&mut puppet, &input.acts).unwrap_or_else(|error| failed("order the workload", &error));
    let exit = acts::end(&mut puppet, input.end, &mut container);
    let exit = exit.unwrap_or_else(|error| failed("end the workload", &error));
    let (asked, asked_exit) = acts::foretold(input, spec);
    if (&got, exit) != (&asked, asked_exit) {
        missing.push(format!("the workload: asked {asked:?}, {asked_exit:?}, got {got:?}, {exit:?}"));
    }
    removed(container).unwrap_or_else(|error| failed("remove the container", &error));
    missing
}

fn removed(container: Container) -> Result<(), String> {
    let process = format!("/proc/{}", container.pid());
    container.remove().map_err(|error| error.to_string())?;
    // It was waited for, so its number is free, and is not given again before all others were.
    if std::path::Path::new(&process).exists() { Err(format!("{process} is still there")) } else { Ok(()) }
}
