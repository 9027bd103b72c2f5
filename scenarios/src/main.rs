//! The `isolab` command.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    // The in-container side comes first: it must start fast, and needs nothing of what the command line needs.
    match arguments.iter().skip(1).map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["inside", "work", request] => isolab_scenarios::workload::main(request),
        ["inside", "probe", ..] => isolab_scenarios::probe::main(&arguments[3..]),
        _ => cli::main(),
    }
}
