//! Which of the host's things the container and the guest share: decided by what each of them saw.

use isolab_reports::record::{Shared, Sharing};

use super::look::{BOOT, Fact, Look};

/// Fact by fact. Within one kernel equal numbers name one thing; of two kernels they mean nothing, so that whoever has another
/// boot id shares nothing.
pub(super) fn compare(host: &[Fact], container: &Look, guest: &Look) -> Vec<Shared> {
    let row = |fact: &Fact| {
        let (container_saw, container_is) = seen(host, fact, container);
        let (guest_saw, guest_is) = seen(host, fact, guest);
        Shared {
            fact: fact.what.clone(),
            host: fact.shown.clone(),
            container: container_saw,
            container_is,
            guest: guest_saw,
            guest_is,
        }
    };
    host.iter().map(row).collect()
}

fn seen(host: &[Fact], fact: &Fact, look: &Look) -> (String, Sharing) {
    let Some(found) = find(&look.facts, &fact.what) else { return (String::new(), Sharing::NotSeen) };
    let boot = |facts| find(facts, BOOT).and_then(|fact: &Fact| fact.whole.clone());
    let one_kernel = boot(host).is_some() && boot(host) == boot(&look.facts);
    let sharing = match (&fact.whole, &found.whole) {
        (_, None) => Sharing::NotSeen,
        (_, Some(_)) if !one_kernel => Sharing::Own,
        (None, Some(_)) => Sharing::NotSeen,
        (Some(there), Some(here)) if there == here => Sharing::Shared,
        (Some(_), Some(_)) => Sharing::Own,
    };
    (found.shown.clone(), sharing)
}

fn find<'f>(facts: &'f [Fact], what: &str) -> Option<&'f Fact> {
    facts.iter().find(|fact| fact.what == what)
}

/// Whether the workload is a process of the host's, too, by how many of its table are the workload.
pub(super) fn process(container: usize, guest: usize) -> Shared {
    let word = |count: usize| match count {
        0 => ("not there".into(), Sharing::Own),
        _ => ("there".into(), Sharing::Shared),
    };
    let ((container, container_is), (guest, guest_is)) = (word(container), word(guest));
    let fact = "the workload in the host's process table".into();
    Shared { fact, host: String::new(), container, container_is, guest, guest_is }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(what: &str, whole: Option<&str>) -> Fact {
        Fact { what: what.into(), shown: whole.unwrap_or("-").into(), whole: whole.map(str::to_owned) }
    }

    fn look(boot: &str, namespace: &str, log: Option<&str>) -> Look {
        let facts = vec![fact(BOOT, Some(boot)), fact("user namespace", Some(namespace)), fact("log", log)];
        Look { facts, ..Look::default() }
    }

    #[test]
    fn equal_numbers_of_another_kernel_are_not_shared() {
        let host = look("a", "user:[1]", Some("yes")).facts;
        let rows = compare(&host, &look("a", "user:[1]", None), &look("b", "user:[1]", Some("yes")));
        let of = |row: &Shared| (row.container_is, row.guest_is);
        assert_eq!(of(&rows[0]), (Sharing::Shared, Sharing::Own));
        assert_eq!(of(&rows[1]), (Sharing::Shared, Sharing::Own));
        assert_eq!(of(&rows[2]), (Sharing::NotSeen, Sharing::Own));
    }

    #[test]
    fn another_namespace_of_one_kernel_is_the_containers_own() {
        let host = look("a", "user:[1]", None).facts;
        let rows = compare(&host, &look("a", "user:[2]", None), &look("a", "user:[1]", None));
        assert_eq!(rows[1].container_is, Sharing::Own);
        // Without a machine of its own it would be no guest.
        assert_eq!(rows[1].guest_is, Sharing::Shared);
    }

    #[test]
    fn a_process_that_the_host_sees_is_shared() {
        let row = process(1, 0);
        assert_eq!((row.container_is, row.guest_is), (Sharing::Shared, Sharing::Own));
    }
}
