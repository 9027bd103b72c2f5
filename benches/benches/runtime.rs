//! `isolab-runtime run` as a whole process against `crun run`, on the same bundle, in pairs that take turns.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use isolab_benches::{Recording, options, program};
use isolab_core::host::Host;
use isolab_reports::stats::Paired;
use isolab_reports::units;
use isolab_scenarios::ab::{Measured, Metric};
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::cost::{Options, spawn};
use isolab_scenarios::launcher::named;
use isolab_scenarios::progress::Quiet;
use isolab_scenarios::schedule::Limits;

/// Time alone limits it.
const LIMITS: Limits = Limits { rounds: u32::MAX, time: Duration::from_secs(30), seed: 1 };
/// One upon the other, as in a batch, and after a rest, as single launches come: then the kernel has no grace period under
/// way that a launch could share.
const RESTS: [Duration; 2] = [Duration::ZERO, Duration::from_millis(200)];

fn runtime(_: &mut Criterion) {
    let mut recording = Recording::begin("runtime");
    let (host, program) = (Host::probe(), program());
    // Beside the folder of the benches.
    let own = program.parent().and_then(|deps| deps.parent()).map(|release| release.join("isolab-runtime"));
    let own = own.map(|path| path.display().to_string()).unwrap_or_default();
    for peer in ["crun", "runc", "youki"] {
        let both = named(peer, &host).and_then(|peer| Ok((peer, named(&own, &host)?)));
        let (other, ours) = match both {
            Ok(both) => both,
            Err(reason) => {
                let remedy = "`cargo build --release` makes isolab-runtime";
                recording.add_gap(&format!("runtime: {peer}"), &reason, remedy);
                continue;
            }
        };
        for rest in RESTS {
            let options = Options { rest, ..options(&program, LIMITS) };
            match spawn::against([other.as_ref(), ours.as_ref()], &options, &host, &Quiet, &Cancel::new()) {
                Ok(pairs) => {
                    let when = if rest.is_zero() {
                        String::new()
                    } else {
                        format!(", {} ms apart", rest.as_millis())
                    };
                    say(peer, &when, &pairs);
                    let title = format!("isolab-runtime run against {peer} run, on the same bundle{when}");
                    let [theirs, ours] = [0, 1].map(|at| pairs.samples(Metric::Time, at));
                    let variants = [(peer, theirs.as_slice()), ("isolab-runtime", ours.as_slice())];
                    recording.add_samples(&format!("runtime-{peer}{when}"), &title, &variants);
                }
                Err(error) => {
                    let remedy = "see what the runtime says of the bundle";
                    recording.add_gap(&format!("runtime: {peer}"), &error.to_string(), remedy);
                }
            }
        }
    }
    recording.write();
}

fn say(peer: &str, when: &str, pairs: &Measured) {
    let [theirs, ours] = pairs.medians(Metric::Time).map(units::nanos);
    let float = |at| pairs.samples(Metric::Time, at).iter().map(|&nanos| nanos as f64).collect::<Vec<_>>();
    let ratio = Paired::ratio(&float(1), &float(0)).map_or_else(String::new, |ratio| ratio.ratio_line());
    println!("runtime/{peer}{when}: isolab-runtime {ours}, {peer} {theirs}, ratio {ratio}, goal 0.4 of crun");
}

criterion_group!(benches, runtime);
criterion_main!(benches);
