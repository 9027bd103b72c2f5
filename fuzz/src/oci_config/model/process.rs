//! The workload.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Own, Wrong, list, numbers, text, texts};

pub(super) fn process(spec: &Value, own: &Own, wrong: &mut Wrong) {
    let process = &spec["process"];
    if process.is_null() {
        return wrong.when(true, "process");
    }
    let args = texts(&process["args"]);
    wrong.when(args.first().is_none_or(|program| program.is_empty()), "process.args");
    for (index, arg) in args.iter().enumerate() {
        wrong.text(arg, &format!("process.args[{index}]"));
    }
    for (index, entry) in texts(&process["env"]).iter().enumerate() {
        let at = format!("process.env[{index}]");
        wrong.when(!entry.contains('=') || entry.starts_with('='), &at);
        wrong.text(entry, &at);
    }
    wrong.inside(text(&process["cwd"]), "process.cwd");
    user(&process["user"], own, wrong);
    rlimits(&process["rlimits"], wrong);
    let adjustment = process["oomScoreAdj"].as_i64().unwrap_or(0);
    wrong.when(adjustment.abs() > 1000, "process.oomScoreAdj");
    if process["terminal"] == true {
        for side in ["height", "width"] {
            let size = process["consoleSize"][side].as_u64().unwrap_or(0);
            wrong.when(size > 0xffff, format!("process.consoleSize.{side}"));
        }
    }
    let (permitted, effective) =
        (&process["capabilities"]["permitted"], &process["capabilities"]["effective"]);
    let permitted: BTreeSet<&str> = texts(permitted).into_iter().collect();
    let beyond = texts(effective).iter().any(|name| !permitted.contains(name));
    wrong.when(beyond, "process.capabilities.effective");
    labels(process, wrong);
    scheduler(&process["scheduler"], wrong);
    let level = process["ioPriority"]["priority"].as_i64().unwrap_or(0);
    wrong.when(!(0..8).contains(&level), "process.ioPriority.priority");
    for field in ["initial", "final"] {
        let listed = text(&process["execCPUAffinity"][field]);
        wrong.when(numbers(listed).is_none(), format!("process.execCPUAffinity.{field}"));
    }
}

/// Ids that there are: the last number means none, and a new user namespace has those that are mapped.
fn user(user: &Value, own: &Own, wrong: &mut Wrong) {
    wrong.when(user["umask"].as_u64().is_some_and(|mask| mask > 0o777), "process.user.umask");
    let mut check = |id: &Value, map: &Value, path: String| {
        let id = id.as_u64().unwrap_or(0);
        wrong.when(id == 0xffff_ffff || own.makes("user") && !is_mapped(map, id), path);
    };
    check(&user["uid"], &own.uids, "process.user.uid".into());
    check(&user["gid"], &own.gids, "process.user.gid".into());
    for (index, group) in list(&user["additionalGids"]) {
        check(group, &own.gids, format!("process.user.additionalGids[{index}]"));
    }
}

fn is_mapped(map: &Value, id: u64) -> bool {
    let number = |line: &Value, field: &str| line[field].as_u64().unwrap_or(0);
    list(map).any(|(_, line)| {
        let first = number(line, "containerID");
        (first..first + number(line, "size")).contains(&id)
    })
}

fn rlimits(limits: &Value, wrong: &mut Wrong) {
    let mut seen = BTreeSet::new();
    for (index, limit) in list(limits) {
        let (soft, hard) = (limit["soft"].as_u64(), limit["hard"].as_u64());
        wrong.when(soft > hard, format!("process.rlimits[{index}].soft"));
        wrong.when(!seen.insert(text(&limit["type"])), format!("process.rlimits[{index}].type"));
    }
}

fn labels(process: &Value, wrong: &mut Wrong) {
    let profile = text(&process["apparmorProfile"]);
    let bad = profile.starts_with(char::is_whitespace) || profile.contains(['\n', '\0']);
    wrong.when(bad, "process.apparmorProfile");
    let label = text(&process["selinuxLabel"]);
    let parts: Vec<&str> = label.split(':').collect();
    let short = parts.len() < 3 || parts[..3].iter().any(|part| part.is_empty());
    wrong.when(!label.is_empty() && (short || label.contains('\0')), "process.selinuxLabel");
}

/// `sched_setattr(2)` and `sched(7)`.
fn scheduler(asked: &Value, wrong: &mut Wrong) {
    if asked.is_null() {
        return;
    }
    let policy = text(&asked["policy"]);
    let number = |field: &str| asked[field].as_i64().unwrap_or(0);
    wrong.when(!(-20..20).contains(&number("nice")), "process.scheduler.nice");
    let right = if ["SCHED_FIFO", "SCHED_RR"].contains(&policy) { 1..=99 } else { 0..=0 };
    wrong.when(!right.contains(&number("priority")), "process.scheduler.priority");
    let [runtime, deadline, period] = ["runtime", "deadline", "period"].map(number);
    if policy == "SCHED_DEADLINE" {
        let period = if period == 0 { deadline } else { period };
        let holds = 0 < runtime && runtime <= deadline && deadline <= period;
        return wrong.when(!holds, "process.scheduler.runtime");
    }
    for field in ["runtime", "deadline", "period"] {
        wrong.when(number(field) != 0, format!("process.scheduler.{field}"));
    }
}
