//! Namespaces.
//!
//! One counts when the scope holds it: by a process, by a thread of this process, or by a descriptor of either. That of a mount is
//! told with the mount. Where nobody else is at work, whoever holds it. A namespace has no owner, so one that is held by a
//! process that is nobody's is nobody's as well.

use std::collections::BTreeMap;
use std::fs;

use super::Kind;
use super::look::Look;
use crate::namespace;

/// Holders by namespace, such as `net:[4026531840]`.
type Held = BTreeMap<String, Vec<String>>;

pub(super) fn look(look: &mut Look<'_>) {
    let mut own: Vec<String> = Vec::new();
    for kind in namespace::Kind::ALL {
        // A kernel without this kind.
        let Some(link) = look.link(format!("/proc/thread-self/ns/{}", kind.link())) else { continue };
        look.saw(Kind::Namespaces, format!("own {} namespace", kind.link()), link.clone());
        own.push(link);
    }
    let mut held = Held::new();
    if look.scope.own {
        for thread in look.names("/proc/self/task") {
            links(
                &mut held,
                &format!("/proc/self/task/{thread}/ns"),
                &format!("thread {thread} of this process"),
            );
        }
        links(&mut held, "/proc/self/fd", "a descriptor of this process");
    }
    for pid in &look.members {
        for place in ["ns", "fd"] {
            links(&mut held, &format!("/proc/{pid}/{place}"), &format!("process {pid}"));
        }
    }
    held.retain(|namespace, _| !own.contains(namespace));
    for (namespace, holders) in held {
        look.saw(
            Kind::Namespaces,
            format!("namespace {namespace}"),
            format!("held by {}", holders.join(", ")),
        );
    }
}

/// The namespaces that links in a directory lead to. It may go meanwhile, or be another user's.
fn links(held: &mut Held, directory: &str, holder: &str) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let Some(target) = target.to_str().filter(|target| is_namespace(target)) else { continue };
        let holders = held.entry(target.to_owned()).or_default();
        if !holders.iter().any(|other| other == holder) {
            holders.push(holder.to_owned());
        }
    }
}

/// `KIND:[INODE]`; what else has no name looks the same but for its kind (`pipe:`, `socket:`).
fn is_namespace(target: &str) -> bool {
    let kind = target.split_once(":[").map(|(kind, _)| kind);
    kind.is_some_and(|kind| namespace::Kind::ALL.iter().any(|known| known.link() == kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_told_from_pipes() {
        assert!(is_namespace("mnt:[4026531841]") && is_namespace("time:[1]"));
        assert!(!is_namespace("pipe:[12]") && !is_namespace("/tmp/net:x") && !is_namespace("net"));
    }
}
