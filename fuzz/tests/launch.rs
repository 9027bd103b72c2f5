//! The oracle of the live targets can be red, and what is drawn is launched.

// A panic is how a test reports.
#![allow(clippy::unwrap_used)]

use isolab_core::host::Host;
use isolab_core::need;
use isolab_fuzz::launch_config;
use isolab_fuzz::target::draw;
use isolab_scenarios::fuzzed::{Act, End, Ground, Held, ID, Input, Outside, acts, model, puppet, staged};
use serde_json::{Value, json};

/// With all that is looked at.
fn full() -> Value {
    let kinds = ["mount", "pid", "network", "ipc", "uts", "cgroup"].map(|kind| json!({"type": kind}));
    let tmpfs = |at: &str, options: &[&str]| json!({"destination": at, "type": "tmpfs", "source": "tmpfs", "options": options});
    let sets = json!(["CAP_KILL", "CAP_CHOWN"]);
    json!({
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs", "readonly": true},
        "hostname": "drawn",
        "process": {
            "args": ["x"], "cwd": "/tmp", "env": ["PATH=/bin"], "noNewPrivileges": true, "oomScoreAdj": 100,
            "user": {"uid": 7, "gid": 8, "umask": 0o77, "additionalGids": [9]},
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 20, "hard": 64}],
            "scheduler": {"policy": "SCHED_BATCH", "nice": 3}, "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 6},
            "capabilities": {"bounding": sets, "permitted": sets, "effective": sets, "inheritable": sets, "ambient": ["CAP_KILL"]},
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            tmpfs("/dev", &["nosuid", "mode=755"]),
            tmpfs("/tmp", &["nosuid", "nodev", "noexec", "size=1m"]),
            {"destination": "/mnt", "type": "bind", "source": "data", "options": ["rbind", "ro", "rprivate"]},
        ],
        "linux": {
            "namespaces": kinds,
            "sysctl": {"kernel.shmmax": "65536"},
            "personality": {"domain": "LINUX32"},
            "maskedPaths": ["/proc/uptime"], "readonlyPaths": ["/proc/sys", "/etc"],
            "resources": {"pids": {"limit": 20}, "memory": {"limit": 33_554_432}},
            "seccomp": {"defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [{"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}]},
        },
    })
}

fn input(spec: &Value) -> Input {
    Input::read(spec.to_string().as_bytes()).unwrap()
}

/// What is seen when one thing is asked for and another is launched.
fn seen(ground: &Ground, own: &Outside, asked: &Value, launched: &Value) -> Vec<String> {
    let asked = ground.spec(&input(asked), ID);
    let Held { mut puppet, container, .. } = ground.launch(&ground.spec(&input(launched), ID)).unwrap();
    model::inside::greet(&mut puppet).unwrap();
    let seen = Outside::of(&container.pid().to_string()).unwrap();
    let mut found = model::compare(&asked, &seen, own);
    found.extend(model::groups(&asked, ground.host()));
    found.extend(model::inside::ask(&mut puppet, &asked).unwrap());
    container.remove().unwrap();
    assert_eq!(ground.left().unwrap(), Vec::<String>::new());
    found
}

fn on_ground(test: impl FnOnce(&Ground, &Outside) + Send) {
    if !need::met(&["root"]) || !puppet::is_there() {
        return;
    }
    let host = Host::probe();
    staged(&host, |_| test(&Ground::new(&host).unwrap(), &Outside::of("thread-self").unwrap())).unwrap();
}

fn without(config: &mut Value, of: &str, field: &str) {
    config.pointer_mut(of).unwrap().as_object_mut().unwrap().remove(field);
}

type Weaken = fn(&mut Value);

const WEAKER: &[(&str, Weaken)] = &[
    ("a uts namespace", |c| {
        c["linux"]["namespaces"].as_array_mut().unwrap().retain(|one| one["type"] != "uts");
        without(c, "", "hostname");
    }),
    ("hostname", |c| c["hostname"] = json!("other")),
    ("root.readonly", |c| c["root"]["readonly"] = json!(false)),
    ("make /made", |c| c["root"]["readonly"] = json!(false)),
    ("make /mnt/made", |c| c["mounts"][3]["options"] = json!(["rbind", "rprivate"])),
    ("/mnt: asked ro", |c| c["mounts"][3]["options"] = json!(["rbind", "rprivate"])),
    ("/tmp: asked noexec", |c| c["mounts"][2]["options"] = json!(["nosuid", "nodev", "size=1m"])),
    ("/tmp: asked size=1024k", |c| {
        c["mounts"][2]["options"] = json!(["nosuid", "nodev", "noexec", "size=2m"])
    }),
    ("/tmp: asked a mount", |c| drop(c["mounts"].as_array_mut().unwrap().remove(2))),
    ("/run: asked no such mount", |c| {
        c["mounts"].as_array_mut().unwrap().push(json!({"destination": "/run", "type": "tmpfs"}));
    }),
    ("/mnt: asked no slave", |c| c["mounts"][3]["options"] = json!(["rbind", "ro", "rslave"])),
    ("masked /proc/uptime", |c| without(c, "/linux", "maskedPaths")),
    ("bytes in masked /proc/uptime", |c| without(c, "/linux", "maskedPaths")),
    ("read-only /proc/sys", |c| without(c, "/linux", "readonlyPaths")),
    ("kernel.shmmax", |c| without(c, "/linux", "sysctl")),
    ("personality", |c| without(c, "/linux", "personality")),
    ("pids.max", |c| c["linux"]["resources"]["pids"]["limit"] = json!(21)),
    ("memory.limit_in_bytes", |c| c["linux"]["resources"]["memory"]["limit"] = json!(67_108_864)),
    ("Seccomp", |c| without(c, "/linux", "seccomp")),
    ("NoNewPrivs", |c| c["process"]["noNewPrivileges"] = json!(false)),
    ("Uid", |c| c["process"]["user"]["uid"] = json!(9)),
    ("Gid", |c| c["process"]["user"]["gid"] = json!(9)),
    ("additional groups", |c| c["process"]["user"]["additionalGids"] = json!([])),
    ("umask", |c| c["process"]["user"]["umask"] = json!(0)),
    ("CapBnd", |c| c["process"]["capabilities"]["bounding"] = json!(["CAP_KILL"])),
    ("CapInh", |c| c["process"]["capabilities"]["inheritable"] = json!(["CAP_KILL"])),
    ("CapAmb", |c| c["process"]["capabilities"]["ambient"] = json!([])),
    ("CapEff", |c| c["process"]["capabilities"]["ambient"] = json!([])),
    ("RLIMIT_NOFILE", |c| c["process"]["rlimits"] = json!([])),
    ("RLIMIT_FSIZE", |c| c["process"]["rlimits"][0]["type"] = json!("RLIMIT_FSIZE")),
    ("oom_score_adj", |c| without(c, "/process", "oomScoreAdj")),
    ("scheduling policy", |c| without(c, "/process", "scheduler")),
    ("io priority", |c| without(c, "/process", "ioPriority")),
    ("environment", |c| c["process"]["env"] = json!(["PATH=/sbin"])),
    ("arguments", |c| c["process"]["args"] = json!(["y"])),
    ("working directory", |c| c["process"]["cwd"] = json!("/")),
];

#[test]
fn each_thing_that_is_missing_is_seen() {
    on_ground(|ground, own| {
        let asked = full();
        assert_eq!(seen(ground, own, &asked, &asked), Vec::<String>::new());
        for (what, weaken) in WEAKER {
            let mut weaker = asked.clone();
            weaken(&mut weaker);
            let found = seen(ground, own, &asked, &weaker);
            assert!(found.iter().any(|line| line.starts_with(what)), "{what}: {found:#?}");
        }
    });
}

/// Acts and ends are what they are foretold to be, and other ones are not.
#[test]
fn a_workload_does_and_ends_as_foretold_and_another_does_not() {
    on_ground(|ground, _| {
        for end in [End::Silence, End::Exit(263), End::Fault, End::Killed, End::Asked] {
            let input = Input { acts: vec![Act::Open, Act::Fork], end, ..input(&full()) };
            let spec = ground.spec(&input, ID);
            let Held { mut puppet, mut container, .. } = ground.launch(&spec).unwrap();
            model::inside::greet(&mut puppet).unwrap();
            let outcomes = acts::perform(&mut puppet, &input.acts).unwrap();
            let exit = acts::end(&mut puppet, end, &mut container).unwrap();
            container.remove().unwrap();
            assert_eq!((outcomes, exit), acts::foretold(&input, &spec), "{end:?}");
            let other = Input { end: End::Exit(9), ..input };
            assert_ne!(acts::foretold(&other, &spec).1, exit);
        }
    });
}

/// The share that is launched: a generator that dies would make a target that holds for nothing.
#[test]
fn most_of_what_is_drawn_is_launched() {
    on_ground(|ground, own| {
        let (mut launched, mut thorough) = (0, 0);
        let mut state = 1;
        for _ in 0..200 {
            let bytes: Vec<u8> = std::iter::repeat_with(|| next(&mut state)).take(400).collect();
            let Some(input) = draw::<Input>(&bytes) else { continue };
            let spec = ground.spec(&input, ID);
            if model::refusals(&spec, own, 1e9).is_empty() {
                let held = ground.launch(&spec).unwrap_or_else(|error| panic!("{error}\n{input}"));
                held.container.remove().unwrap();
                launched += 1;
                thorough += u32::from(input.thorough);
            }
            assert_eq!(ground.left().unwrap(), Vec::<String>::new(), "{input}");
        }
        assert!(launched >= 120 && thorough >= 10, "{launched} of 200 launched, {thorough} of them thorough");
    });
}

/// The high byte of a linear congruential generator (Knuth's constants).
fn next(state: &mut u64) -> u8 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    state.to_be_bytes()[0]
}

/// What people read of an input is its config.
#[test]
fn an_input_is_shown() {
    assert!(launch_config::show(&[0; 100]).contains("\"ociVersion\""));
}
