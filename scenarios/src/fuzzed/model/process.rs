//! The workload: namespaces, ids, privileges, limits, scheduling.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Findings, items, lists, words};
use crate::fuzzed::outside::Outside;

/// The spec's words for namespaces, and the kernel's.
const KINDS: [(&str, &str); 8] = [
    ("mount", "ns/mnt"),
    ("pid", "ns/pid"),
    ("network", "ns/net"),
    ("ipc", "ns/ipc"),
    ("uts", "ns/uts"),
    ("cgroup", "ns/cgroup"),
    ("time", "ns/time"),
    ("user", "ns/user"),
];

/// `linux/capability.h`: those that are drawn.
const CAPABILITIES: [(&str, u32); 12] = [
    ("CAP_CHOWN", 0),
    ("CAP_DAC_OVERRIDE", 1),
    ("CAP_FOWNER", 3),
    ("CAP_KILL", 5),
    ("CAP_SETGID", 6),
    ("CAP_SETUID", 7),
    ("CAP_SETPCAP", 8),
    ("CAP_NET_BIND_SERVICE", 10),
    ("CAP_NET_RAW", 13),
    ("CAP_SYS_CHROOT", 18),
    ("CAP_AUDIT_WRITE", 29),
    ("CAP_SETFCAP", 31),
];

/// The kernel's words in `/proc/PID/limits` (proc_pid_limits(5)).
const LIMITS: [(&str, &str); 16] = [
    ("RLIMIT_CPU", "Max cpu time"),
    ("RLIMIT_FSIZE", "Max file size"),
    ("RLIMIT_DATA", "Max data size"),
    ("RLIMIT_STACK", "Max stack size"),
    ("RLIMIT_CORE", "Max core file size"),
    ("RLIMIT_RSS", "Max resident set"),
    ("RLIMIT_NPROC", "Max processes"),
    ("RLIMIT_NOFILE", "Max open files"),
    ("RLIMIT_MEMLOCK", "Max locked memory"),
    ("RLIMIT_AS", "Max address space"),
    ("RLIMIT_LOCKS", "Max file locks"),
    ("RLIMIT_SIGPENDING", "Max pending signals"),
    ("RLIMIT_MSGQUEUE", "Max msgqueue size"),
    ("RLIMIT_NICE", "Max nice priority"),
    ("RLIMIT_RTPRIO", "Max realtime priority"),
    ("RLIMIT_RTTIME", "Max realtime timeout"),
];

pub(super) fn compare(spec: &Value, seen: &Outside, own: &Outside, findings: &mut Findings) {
    for (kind, link) in KINDS.into_iter().filter(|(_, link)| own.link(link).is_some()) {
        let differs = seen.link(link) != own.link(link);
        findings.equal(&format!("a {kind} namespace of its own"), lists(spec, kind), differs);
    }
    ids(spec, seen, findings);
    privileges(spec, seen, own, findings);
    limits(spec, seen, own, findings);
    scheduling(spec, seen, own, findings);
    let process = &spec["process"];
    findings.equal("arguments", words(&process["args"]), seen.strings("cmdline"));
    findings.equal("environment", words(&process["env"]), seen.strings("environ"));
    findings.equal("working directory", process["cwd"].as_str(), seen.link("cwd"));
    findings.equal("descriptors", vec!["0", "1", "2"], seen.descriptors.iter().map(String::as_str).collect());
    let umask = process["user"]["umask"].as_u64().unwrap_or(0o022);
    findings.equal("umask", vec![format!("{umask:04o}")], texts(seen.status("Umask")));
    if lists(spec, "pid") {
        findings.equal("number in its pid namespace", Some(&"1"), seen.status("NSpid").last());
    }
    if lists(spec, "time") {
        let asked = ["monotonic", "boottime"].map(|clock| offset(&spec["linux"]["timeOffsets"][clock]));
        let got = ["monotonic", "boottime"].map(|clock| shown_offset(seen.text("timens_offsets"), clock));
        findings.equal("time offsets", asked.to_vec(), got.to_vec());
    }
}

fn texts(words: Vec<&str>) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}

fn offset(asked: &Value) -> (i64, u64) {
    (asked["secs"].as_i64().unwrap_or(0), asked["nanosecs"].as_u64().unwrap_or(0))
}

fn shown_offset(text: &str, clock: &str) -> (i64, u64) {
    let line = text.lines().find_map(|line| line.strip_prefix(clock)).unwrap_or_default();
    let mut words = line.split_whitespace();
    let seconds = words.next().and_then(|word| word.parse().ok()).unwrap_or(i64::MIN);
    (seconds, words.next().and_then(|word| word.parse().ok()).unwrap_or(u64::MAX))
}

/// Lines of an id map: first inside, first outside, how many (user_namespaces(7)).
fn map(spec: &Value, field: &str) -> Vec<[u64; 3]> {
    let line = |line: &Value| ["containerID", "hostID", "size"].map(|name| line[name].as_u64().unwrap_or(0));
    items(&spec["linux"][field]).map(line).collect()
}

fn shown_map(text: &str) -> Vec<[u64; 3]> {
    let line = |line: &str| {
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        numbers.try_into().unwrap_or([u64::MAX; 3])
    };
    text.lines().map(line).collect()
}

fn ids(spec: &Value, seen: &Outside, findings: &mut Findings) {
    let user = lists(spec, "user");
    let outside = |field: &str, id: &Value| {
        let id = id.as_u64().unwrap_or(0);
        let map = map(spec, field);
        let line = map.iter().find(|[inside, _, size]| (*inside..inside + size).contains(&id));
        match (user, line) {
            (true, Some([inside, outside, _])) => outside + (id - inside),
            _ => id,
        }
    };
    let asked = &spec["process"]["user"];
    for (field, line, map) in [("uid", "Uid", "uidMappings"), ("gid", "Gid", "gidMappings")] {
        findings.equal(line, vec![outside(map, &asked[field]).to_string(); 4], texts(seen.status(line)));
    }
    let groups: BTreeSet<String> =
        items(&asked["additionalGids"]).map(|id| outside("gidMappings", id).to_string()).collect();
    findings.equal("additional groups", groups, texts(seen.status("Groups")).into_iter().collect());
    if user {
        findings.equal("uid_map", map(spec, "uidMappings"), shown_map(seen.text("uid_map")));
        findings.equal("gid_map", map(spec, "gidMappings"), shown_map(seen.text("gid_map")));
    }
}

fn privileges(spec: &Value, seen: &Outside, own: &Outside, findings: &mut Findings) {
    let had = |line: &str| bits(own.status(line));
    // Whoever enters a new user namespace has all capabilities in it (user_namespaces(7)).
    let (limit, bound) =
        if lists(spec, "user") { (u64::MAX, u64::MAX) } else { (had("CapPrm"), had("CapBnd")) };
    let asked = |set: &str, limit: u64| {
        let names = words(&spec["process"]["capabilities"][set]);
        let number = |name: &&str| CAPABILITIES.iter().find(|(known, _)| known == name);
        names.iter().filter_map(number).fold(0, |set, (_, bit)| set | 1u64 << bit) & limit
    };
    let (permitted, inheritable) = (asked("permitted", limit), asked("inheritable", limit));
    let (bounding, ambient) = (asked("bounding", bound), asked("ambient", limit) & permitted & inheritable);
    let no_new = spec["process"]["noNewPrivileges"] == true;
    // capabilities(7), "Transformation of capabilities during execve()": the file of a program that root executes is taken to
    // have all capabilities, one of anybody else none; with no_new_privs nothing is gained.
    let root = spec["process"]["user"]["uid"] == 0;
    let mut after = if root { inheritable | bounding } else { 0 };
    if no_new {
        after &= permitted;
    }
    after |= ambient;
    for (line, asked) in [
        ("CapInh", inheritable),
        ("CapPrm", after),
        ("CapEff", after),
        ("CapBnd", bounding),
        ("CapAmb", ambient),
    ] {
        findings.equal(line, format!("{asked:016x}"), format!("{:016x}", bits(seen.status(line))));
    }
    findings.equal("NoNewPrivs", vec![u8::from(no_new).to_string()], texts(seen.status("NoNewPrivs")));
    let filtered = spec["linux"]["seccomp"].is_object();
    let mode = if filtered { "2" } else { own.status("Seccomp").first().copied().unwrap_or("0") };
    findings.equal("Seccomp", vec![mode], seen.status("Seccomp"));
}

fn bits(words: Vec<&str>) -> u64 {
    words.first().and_then(|word| u64::from_str_radix(word, 16).ok()).unwrap_or(u64::MAX)
}

/// Those that are listed as they are, all others as the launcher's (setrlimit(2): a child inherits them).
fn limits(spec: &Value, seen: &Outside, own: &Outside, findings: &mut Findings) {
    let (own, got) = (table(own.text("limits")), table(seen.text("limits")));
    let word = |value: &Value| match value.as_u64() {
        Some(u64::MAX) | None => "unlimited".to_owned(),
        Some(value) => value.to_string(),
    };
    for (name, _) in LIMITS {
        let listed = items(&spec["process"]["rlimits"]).find(|limit| limit["type"] == name);
        let asked = listed.map(|limit| (word(&limit["soft"]), word(&limit["hard"])));
        findings.equal(name, asked.or_else(|| own.get(name).cloned()), got.get(name).cloned());
    }
}

fn table(text: &str) -> BTreeMap<&'static str, (String, String)> {
    let line = |(name, words): &(&'static str, &str)| {
        let line = text.lines().find_map(|line| line.strip_prefix(words))?;
        let mut words = line.split_whitespace().map(str::to_owned);
        Some((*name, (words.next()?, words.next()?)))
    };
    LIMITS.iter().filter_map(line).collect()
}

fn scheduling(spec: &Value, seen: &Outside, own: &Outside, findings: &mut Findings) {
    let process = &spec["process"];
    let adjustment = process["oomScoreAdj"].as_i64().map(|value| value.to_string());
    let adjustment = adjustment.unwrap_or_else(|| own.text("oom_score_adj").trim_end().to_owned());
    findings.equal("oom_score_adj", adjustment.as_str(), seen.text("oom_score_adj").trim_end());
    // personality(2): PER_LINUX32 is 8.
    let domain = match spec["linux"]["personality"]["domain"].as_str() {
        Some("LINUX32") => "00000008",
        Some(_) => "00000000",
        None => own.text("personality").trim_end(),
    };
    findings.equal("personality", domain, seen.text("personality").trim_end());
    let (nice, policy) = (field(seen, 19), field(seen, 41));
    match process["scheduler"]["policy"].as_str() {
        Some(name) => {
            // linux/sched.h
            let number = match name {
                "SCHED_BATCH" => 3,
                "SCHED_IDLE" => 5,
                _ => 0,
            };
            findings.equal("scheduling policy", Some(number), policy);
            // sched_setattr(2): it is set for the others alone.
            if name != "SCHED_IDLE" {
                findings.equal("nice", Some(process["scheduler"]["nice"].as_i64().unwrap_or(0)), nice);
            }
        }
        None => findings.equal("scheduling", (field(own, 19), field(own, 41)), (nice, policy)),
    }
}

/// The nice value of a process.
pub(super) fn nice(seen: &Outside) -> Option<i64> {
    field(seen, 19)
}

/// A field of `/proc/PID/stat` by its number in proc_pid_stat(5); the second may hold anything, in parentheses.
fn field(seen: &Outside, number: usize) -> Option<i64> {
    let (_, rest) = seen.text("stat").rsplit_once(')')?;
    rest.split_whitespace().nth(number - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn maps_lead_outside_and_are_read() {
        let line = json!([{"containerID": 2, "hostID": 100, "size": 3}]);
        let spec = json!({"linux": {"uidMappings": line}});
        assert_eq!(map(&spec, "uidMappings"), shown_map("         2        100          3\n"));
        assert_eq!(shown_map("x y\n"), [[u64::MAX; 3]]);
    }

    #[test]
    fn offsets_and_limits_are_read() {
        assert_eq!(shown_offset("monotonic  -5  7\nboottime 0 0\n", "monotonic"), (-5, 7));
        assert_eq!(offset(&json!({"secs": -5, "nanosecs": 7})), (-5, 7));
        let table = table("Max open files            64                   unlimited            files\n");
        assert_eq!(table["RLIMIT_NOFILE"], ("64".to_owned(), "unlimited".to_owned()));
    }
}
