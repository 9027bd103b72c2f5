//! `ps`: a container's processes, as numbers or by ps(1).

use std::process::Command;

use isolab_core::cgroup;
use isolab_core::state::{Identity, Status};

use crate::Context;
use crate::arguments::{Format, Ps};
use crate::failure::Failure;
use crate::output;

pub(crate) fn ps(context: &Context, given: &Ps) -> Result<(), Failure> {
    let (entry, state) = context.store.find(&given.id)?;
    if state.status(&entry) == Status::Stopped {
        return Err(Failure::new(format!("container not running: {:?}", state.id)));
    }
    let mut pids = cgroup::procs(&state.groups)?;
    if state.groups.is_empty() {
        // Without a group only the first process is known.
        pids.extend(state.init.filter(|init| Identity::is_alive(*init)).map(|init| init.pid));
    }
    match given.format {
        Format::Json => output::json(&pids, false),
        Format::Table => output::print(&table(&pids, &given.options)?),
    }
}

/// What ps(1) says of all processes, without those of others.
fn table(pids: &[i32], options: &[String]) -> Result<String, Failure> {
    let mut command = Command::new("ps");
    match options {
        [] => command.arg("-ef"),
        options => command.args(options),
    };
    let output = command.output().map_err(|error| Failure::context("ps", error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Failure::new(format!("ps: {said}")));
    }
    filter(&String::from_utf8_lossy(&output.stdout), pids)
}

fn filter(text: &str, pids: &[i32]) -> Result<String, Failure> {
    let mut lines = text.lines();
    let title = lines.next().unwrap_or_default();
    let column = title.split_whitespace().position(|name| name == "PID");
    let column =
        column.ok_or_else(|| Failure::new("ps printed no column PID; leave its options out, or add one"))?;
    let ours = |line: &&str| {
        let pid = line.split_whitespace().nth(column).and_then(|pid| pid.parse::<i32>().ok());
        pid.is_some_and(|pid| pids.contains(&pid))
    };
    let mut shown = format!("{title}\n");
    for line in lines.filter(ours) {
        shown += line;
        shown.push('\n');
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn only_the_containers_lines_are_shown() {
        let text = "UID   PID  PPID CMD\nroot    1     0 init\nroot   12     1 12 PID 1\nroot  112    12 x\n";
        assert_eq!(filter(text, &[12]).unwrap(), "UID   PID  PPID CMD\nroot   12     1 12 PID 1\n");
        assert!(filter("CMD\ninit\n", &[1]).unwrap_err().message.contains("no column PID"));
    }
}
