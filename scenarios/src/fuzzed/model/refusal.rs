//! What a launcher must refuse of what is drawn, since the kernel does: by the words that its error must have.

use serde_json::Value;

use super::{items, lists};
use crate::fuzzed::outside::Outside;
use crate::fuzzed::puppet::PATH;

/// `linux/capability.h`
const CAP_SYS_RESOURCE: u32 = 24;

/// Words of which one must be in the error, for each reason to refuse; none where it must be launched.
#[must_use]
pub fn refusals(spec: &Value, own: &Outside, uptime: f64) -> Vec<String> {
    let mut reasons = Vec::new();
    let may = own
        .status("CapEff")
        .first()
        .and_then(|word| u64::from_str_radix(word, 16).ok())
        .is_some_and(|bits| bits >> CAP_SYS_RESOURCE & 1 == 1);
    for limit in items(&spec["process"]["rlimits"]) {
        // setrlimit(2): only the privileged raise a hard limit, as the initial user namespace has it.
        let name = limit["type"].as_str().unwrap_or_default();
        let own = hard(own.text("limits"), name);
        if !may && limit["hard"].as_u64().unwrap_or(u64::MAX) > own {
            reasons.push(name.to_owned());
        }
    }
    // execve(2): no such file, or none that can be executed.
    let program = spec["process"]["args"][0].as_str().unwrap_or_default();
    if program != PATH {
        reasons.push(program.to_owned());
    }
    // user_namespaces(7): a map is one write, of less than a page, and of at most 340 lines.
    for field in ["uidMappings", "gidMappings"] {
        let line =
            |line: &Value| format!("{} {} {}\n", line["containerID"], line["hostID"], line["size"]).len();
        let lines: Vec<usize> = items(&spec["linux"][field]).map(line).collect();
        if lines.len() > 340 || lines.iter().sum::<usize>() >= 4096 {
            reasons.push(field.to_owned());
        }
    }
    // sched_setattr(2): a nice value is lowered by CAP_SYS_NICE, which a child in a user namespace has there alone.
    let asked = &spec["process"]["scheduler"];
    let nice = asked["nice"].as_i64().unwrap_or(0);
    let lowers = super::process::nice(own).is_some_and(|own| nice < own);
    if lists(spec, "user") && asked["policy"].is_string() && asked["policy"] != "SCHED_IDLE" && lowers {
        reasons.push("process.scheduler".into());
    }
    // time_namespaces(7): a clock cannot be made to show less than nothing.
    for (clock, offset) in spec["linux"]["timeOffsets"].as_object().into_iter().flatten() {
        let seconds = offset["secs"].as_i64().unwrap_or(0);
        if seconds < 0 && uptime - 1.0 < -(seconds as f64) {
            reasons.push(clock.clone());
        }
    }
    reasons
}

fn hard(text: &str, name: &str) -> u64 {
    let words = match name {
        "RLIMIT_NOFILE" => "Max open files",
        "RLIMIT_CORE" => "Max core file size",
        "RLIMIT_STACK" => "Max stack size",
        "RLIMIT_CPU" => "Max cpu time",
        "RLIMIT_FSIZE" => "Max file size",
        "RLIMIT_MEMLOCK" => "Max locked memory",
        "RLIMIT_MSGQUEUE" => "Max msgqueue size",
        _ => "Max pending signals",
    };
    let line = text.lines().find_map(|line| line.strip_prefix(words)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hard_limit_is_the_second_number() {
        let text = "Max open files            20000                20001                files     \n";
        assert_eq!(hard(text, "RLIMIT_NOFILE"), 20001);
        assert_eq!(hard("Max stack size   8388608  unlimited  bytes", "RLIMIT_STACK"), u64::MAX);
    }
}
