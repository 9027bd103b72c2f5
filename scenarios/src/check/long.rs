//! Acts that are sweeps of their own: many launches, and many at once.

use std::cell::Cell;

use isolab_reports::record::Sweep;
use serde_json::{Value, json};

use super::make;
use super::scene::Scene;
use crate::faults::{collide, soak, traced};
use crate::progress::Quiet;
use crate::ready::Error;
use crate::schema::Make;

/// The launches of one check take no longer.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(5);

pub(super) fn soak(scene: &Scene<'_>, launches: usize, leak: bool) -> Value {
    let number = Cell::new(0u32);
    let kept = std::cell::RefCell::new(Vec::new());
    let launch = || {
        number.set(number.get() + 1);
        if leak {
            let file = Make { path: "rootfs/mnt".into(), tmpfs: Some(4096), ..Make::default() };
            kept.borrow_mut().push(make::on_top(scene.dir(), &file).map_err(Error::io("mount a tmpfs"))?);
        }
        let done = scene.launcher.run(scene.bundle, &format!("{}-soak-{}", scene.id(), number.get()));
        done.map_err(|error| Error::Launcher {
            launcher: scene.launcher.name().into(),
            problem: error.to_string(),
            remedy: String::new(),
        })
    };
    let how = soak::Soak { launches, blocks: 1, limit: LIMIT, launcher: (scene.launcher.name(), &launch) };
    told(soak::of(&how, scene.program, scene.host, &Quiet, scene.cancel), "grew")
}

pub(super) fn parallel(scene: &Scene<'_>, apart: bool) -> Value {
    let Some(launcher) = scene.launcher.lifecycle() else {
        return json!({"error": "this launcher has no commands"});
    };
    let options = traced::Options { launcher, program: scene.program, seed: 0, sample: None };
    told(collide::with_states(options, apart, scene.host, &Quiet, scene.cancel), "wrong")
}

fn told(sweep: Result<Sweep, Error>, what: &str) -> Value {
    match sweep {
        Ok(sweep) => {
            let findings = sweep.findings.iter();
            let lines: Vec<String> = findings
                .map(|finding| format!("{}: {}", finding.injection, finding.evidence.join("; ")))
                .collect();
            json!({what: lines, "how": sweep.notes})
        }
        Err(error) => json!({"error": error.to_string()}),
    }
}
