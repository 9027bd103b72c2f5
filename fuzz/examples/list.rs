//! What the scripts beside this folder need to know, as lines of fields with tabs between them:
//! `list targets` (name, `pure` or `live`), `list planted` (target, mistake, what is wrong).

use std::process::ExitCode;

use isolab_core::planted;
use isolab_fuzz::TARGETS;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("targets") => {
            for target in TARGETS {
                println!("{}\t{}", target.name, if target.live { "live" } else { "pure" });
            }
        }
        Some("planted") => {
            for planted::Mistake { target, name, what } in planted::ALL {
                println!("{target}\t{name}\t{what}");
            }
        }
        _ => {
            eprintln!("usage: list targets|planted");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
