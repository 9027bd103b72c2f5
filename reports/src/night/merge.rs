//! Shards of a night, put together.

use std::collections::BTreeSet;

use super::Night;

/// One night of all shards, each with the name by which messages call it. Shards that are not there are listed in it.
///
/// # Errors
/// When they are not of one profile and one isolab, or one is there twice.
pub fn merge(shards: Vec<(String, Night)>) -> Result<Night, String> {
    let mut numbered: Vec<(usize, usize, String, Night)> = Vec::new();
    for (place, night) in shards {
        let (number, of) =
            numbers(&night).ok_or_else(|| format!("{place}: it is no shard, but a whole night"))?;
        if let Some((_, others, other, first)) = numbered.first() {
            let differs = [
                (first.profile != night.profile, "another profile"),
                (
                    first.isolab != night.isolab || first.revision != night.revision,
                    "another version of isolab",
                ),
                (*others != of, "another number of shards"),
            ];
            if let Some((_, what)) = differs.into_iter().find(|(differs, _)| *differs) {
                return Err(format!("{place} is of {what} than {other}"));
            }
        }
        if let Some((.., twice, _)) = numbered.iter().find(|(known, ..)| *known == number) {
            return Err(format!("{place} is shard {number}/{of}, and so is {twice}"));
        }
        numbered.push((number, of, place, night));
    }
    numbered.sort_by_key(|(number, ..)| *number);
    let Some((_, of, _, first)) = numbered.first() else { return Err("there is no shard".into()) };
    let there: BTreeSet<usize> = numbered.iter().map(|(number, ..)| *number).collect();
    let missing = (1..=*of).filter(|number| !there.contains(number)).map(|number| format!("{number}/{of}"));
    let hosts: BTreeSet<&str> = numbered.iter().map(|(.., night)| night.host.as_str()).collect();
    let host = match hosts.len() {
        1 => first.host.clone(),
        many => format!("{many} kinds of machines"),
    };
    let started = numbered.iter().map(|(.., night)| night.started).min().unwrap_or_default();
    let stages = numbered.iter().flat_map(|(.., night)| night.stages.clone()).collect();
    Ok(Night { shard: None, missing: missing.collect(), host, started, stages, ..first.clone() })
}

fn numbers(night: &Night) -> Option<(usize, usize)> {
    let (number, of) = night.shard.as_deref()?.split_once('/')?;
    Some((number.parse().ok()?, of.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{night, stage};
    use super::*;

    fn shard(shard: &str, name: &str) -> (String, Night) {
        let stages = vec![stage(name, Some(super::super::Ended::Exited { status: 0 }))];
        (format!("dir-{name}"), Night { shard: Some(shard.into()), stages, ..night(&[]) })
    }

    #[test]
    fn nothing_is_lost_and_what_is_missing_is_said() {
        let merged = merge(vec![shard("2/2", "b"), shard("1/2", "a")]).unwrap();
        let names: Vec<&str> = merged.stages.iter().map(|stage| stage.name.as_str()).collect();
        assert_eq!((names, merged.status(), merged.shard), (vec!["a", "b"], 0, None));
        let mut elsewhere = shard("3/3", "c");
        elsewhere.1.host = "Linux 7.2, 64 CPUs".into();
        let merged = merge(vec![shard("1/3", "a"), elsewhere]).unwrap();
        assert_eq!((merged.missing.as_slice(), merged.status()), (["2/3".to_owned()].as_slice(), 5));
        assert_eq!(merged.host, "2 kinds of machines");
        assert!(merged.headline().starts_with("shard 2/3 missing"), "{}", merged.headline());
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let changed = |change: fn(&mut Night)| {
            let mut other = shard("2/2", "b");
            change(&mut other.1);
            merge(vec![shard("1/2", "a"), other]).unwrap_err()
        };
        assert_eq!(changed(|night| night.profile = "full".into()), "dir-b is of another profile than dir-a");
        assert_eq!(
            changed(|night| night.revision = None),
            "dir-b is of another version of isolab than dir-a"
        );
        assert_eq!(
            changed(|night| night.shard = Some("2/3".into())),
            "dir-b is of another number of shards than dir-a"
        );
        assert_eq!(changed(|night| night.shard = Some("1/2".into())), "dir-b is shard 1/2, and so is dir-a");
        assert!(changed(|night| night.shard = None).contains("no shard"));
    }
}
