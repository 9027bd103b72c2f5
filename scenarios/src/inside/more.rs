//! What is asked of the probe itself: the same questions as the catalogue's guarantees ask, where the inside alone decides.

use serde_json::Value;

use super::Verdict::{Good, Unknown, Weak};
use super::judge::{Judged, NO_PROC, none_of, unknown};
use super::seen::Seen;
use crate::probe::Question;

/// Answers by a name of their own.
pub(super) fn ask() -> std::collections::BTreeMap<&'static str, Value> {
    let call = |name: &str, args: &[i64]| Question::Syscall {
        name: name.into(),
        args: args.iter().map(|number| crate::probe::Argument::Number(*number)).collect(),
    };
    [
        ("climb", Question::InChild(Box::new(Question::EscapeChroot { jail: false }))),
        ("settings", Question::Settings { path: "/proc/sys".into(), leave_out: Vec::new() }),
        ("session", Question::Session {}),
        ("interfaces", Question::Interfaces {}),
        ("oom", Question::Read { path: "/proc/self/oom_score_adj".into() }),
        // AF_VSOCK. ADDR_NO_RANDOMIZE. Of a key that is none, and BPF's command that is none.
        ("vsock", call("socket", &[40, 1, 0])),
        ("personality", call("personality", &[0x004_0000])),
        ("keyctl", call("keyctl", &[9999, 0, 0])),
        ("bpf", call("bpf", &[9999, 0, 0])),
        ("userfaultfd", call("userfaultfd", &[-1])),
        ("mount", call("mount", &[1, 1, 1, 0, 0])),
        ("i386", Question::I386 { number: 20, args: Vec::new() }),
    ]
    .map(|(name, question)| (name, question.answer()))
    .into()
}

fn answer<'s>(seen: &'s Seen, name: &str) -> Option<&'s Value> {
    seen.answers.get(name)
}

/// A call whose refusal is good; one that fails for its arguments was let through.
fn refused(seen: &Seen, name: &str) -> Judged {
    match answer(seen, name) {
        None => unknown("it was not tried"),
        Some(Value::String(error))
            if matches!(error.as_str(), "EPERM" | "ENOSYS" | "EACCES" | "EAFNOSUPPORT") =>
        {
            (Good, error.clone())
        }
        Some(Value::String(error)) if error.starts_with("killed") => (Good, error.clone()),
        Some(other) => (Weak, format!("not refused ({other})")),
    }
}

pub(super) fn root_escape(seen: &Seen) -> Judged {
    match answer(seen, "climb") {
        Some(answer) if answer["escaped"] == true => {
            (Weak, "a second chroot and .. lead out of the root".into())
        }
        Some(answer) if answer["escaped"] == false => (Good, "a second chroot and .. lead nowhere".into()),
        Some(answer) => {
            (Good, format!("chroot is refused ({})", answer["error"].as_str().unwrap_or_default()))
        }
        None => unknown("it was not tried"),
    }
}

pub(super) fn kernel_settings(seen: &Seen) -> Judged {
    let Some(answer) = answer(seen, "settings") else { return unknown(NO_PROC) };
    if answer["seen"] == 0 {
        return unknown(NO_PROC);
    }
    // A network namespace's own are its business.
    let list = answer["writable"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let found: Vec<String> =
        list.filter(|path| !path.starts_with("/proc/sys/net/")).take(8).map(str::to_owned).collect();
    none_of(&found, "none below /proc/sys opens for writing, but the network's own")
}

pub(super) fn terminal(seen: &Seen) -> Judged {
    match answer(seen, "session").and_then(|session| session["terminal"].as_i64()) {
        None => unknown(NO_PROC),
        Some(0) => (Good, "no controlling terminal".into()),
        // Majors 136 to 143 are pseudo-terminals (devices.txt); whose, the inside cannot tell.
        Some(device) => {
            (Unknown, format!("a controlling terminal, device {}:{}", device >> 8 & 0xfff, device & 0xff))
        }
    }
}

pub(super) fn host_network(seen: &Seen) -> Judged {
    let Some(names) = answer(seen, "interfaces").and_then(Value::as_array) else { return unknown(NO_PROC) };
    const BRIDGES: [&str; 7] = ["docker", "br-", "cni", "veth", "virbr", "podman", "flannel"];
    let names = names.iter().filter_map(Value::as_str);
    let found: Vec<String> = names
        .filter(|name| BRIDGES.iter().any(|bridge| name.starts_with(bridge)))
        .map(str::to_owned)
        .collect();
    none_of(&found, "no bridge of a container engine")
}

pub(super) fn oom_score(seen: &Seen) -> Judged {
    match answer(seen, "oom").and_then(|text| text.as_str()?.parse::<i32>().ok()) {
        None => unknown(NO_PROC),
        Some(value) if value < 0 => (Weak, format!("{value}: others are killed first")),
        Some(value) => (Good, value.to_string()),
    }
}

pub(super) fn vsock(seen: &Seen) -> Judged {
    refused(seen, "vsock")
}

pub(super) fn personality(seen: &Seen) -> Judged {
    refused(seen, "personality")
}

pub(super) fn keyrings(seen: &Seen) -> Judged {
    refused(seen, "keyctl")
}

pub(super) fn bpf(seen: &Seen) -> Judged {
    refused(seen, "bpf")
}

pub(super) fn userfaultfd(seen: &Seen) -> Judged {
    refused(seen, "userfaultfd")
}

pub(super) fn mount(seen: &Seen) -> Judged {
    refused(seen, "mount")
}

/// Not bad by itself, but a profile that forgets it governs half of the calls only.
pub(super) fn foreign_calls(seen: &Seen) -> Judged {
    match answer(seen, "i386") {
        Some(Value::Number(_)) => (Weak, "calls of i386 go through".into()),
        Some(Value::String(text)) => (Good, text.clone()),
        _ => unknown("it was not tried"),
    }
}

pub(super) fn secrets(seen: &Seen) -> Judged {
    const WORDS: [&str; 6] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "PRIVATE_KEY", "API_KEY"];
    let Some(names) = &seen.variables else { return unknown("the environment cannot be read") };
    let found: Vec<String> = names
        .iter()
        .filter(|name| WORDS.iter().any(|word| name.to_uppercase().contains(word)))
        .cloned()
        .collect();
    none_of(&found, "no variable has such a name")
}
