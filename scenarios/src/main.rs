//! The `isolab` command.

mod cli;

use std::process::ExitCode;

use isolab_scenarios::lab::guest;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    // As the first process of a lab's guest it is called by this name and has the machine to itself.
    if std::process::id() == 1 && arguments.first().is_some_and(|name| name == guest::init::NAME) {
        guest::init::main();
    }
    // The in-container side comes first: it must start fast, and needs nothing of what the command line needs.
    match arguments.iter().skip(1).map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["inside", "work", request] => isolab_scenarios::workload::main(request),
        ["inside", "look", _] => isolab_scenarios::cost::vm::look(),
        ["inside", "contain", bundle] => isolab_scenarios::cost::vm::contain(bundle),
        ["inside", "probe", ..] => isolab_scenarios::probe::main(&arguments[3..]),
        ["inside", "faults", job] => isolab_scenarios::faults::worker::main(job),
        ["inside", "hook", file] => isolab_scenarios::hook::main(file),
        ["inside", "terminal", ..] => isolab_scenarios::launcher::become_with_terminal(&arguments[3..]),
        ["inside", "qemu", ..] => isolab_scenarios::lab::machine::become_qemu(&arguments[3..]),
        _ => cli::main(),
    }
}
