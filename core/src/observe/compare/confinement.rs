//! Asked versus got: labels, scheduling, kernel parameters.

use super::{Findings, text};
use crate::apparmor;
use crate::config::Config;
use crate::observe::Observation;

pub(super) fn compare(config: &Config, seen: &Observation, findings: &mut Findings) {
    let got = &seen.confinement;
    if let Some(asked) = config.apparmor.as_deref().map(text) {
        let unconfined = asked == "unconfined" && got.apparmor.is_none();
        let agrees = unconfined || got.apparmor.as_ref().is_some_and(|label| apparmor::is(&asked, label));
        findings.check("AppArmor profile", asked, &got.apparmor, agrees);
    }
    if let Some(asked) = config.selinux.as_deref().map(text) {
        findings.equal("SELinux context", Some(asked), got.label.clone());
    }
    if let Some(asked) = config.scheduling.policy {
        let agrees = got.scheduler.is_some_and(|got| asked.is(&got));
        findings.check("scheduler", asked.to_string(), got.scheduler, agrees);
    }
    if let Some(asked) = config.scheduling.io_priority {
        findings.equal("io priority", Some(asked.value()), got.io_priority);
    }
    if let Some(asked) = config.personality {
        findings.equal("personality", Some(asked), got.personality);
    }
    if let Some(asked) = config.memory_policy {
        findings.equal("memory policy", Some(asked.shown()), got.memory_policy.as_deref());
    }
    for asked in &config.sysctls {
        let got = got.sysctls.get(&asked.path);
        let agrees = got.is_some_and(|got| same(&text(&asked.value), got));
        findings.check(format!("sysctl {}", asked.path), &asked.value, got, agrees);
    }
}

/// The kernel shows several numbers with tabs between them.
fn same(asked: &str, got: &str) -> bool {
    asked.split_whitespace().eq(got.split_whitespace())
}
