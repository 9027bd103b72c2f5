//! Made-up data for unit tests.

use isolab_core::host::{Cgroups, Host};

/// A host with nothing.
pub(crate) fn host() -> Host {
    Host {
        kernel: "6.12.0".into(),
        kernel_build: "#1".into(),
        machine: "x86_64".into(),
        cmdline: String::new(),
        cpu: "test".into(),
        cpus: vec![0, 1],
        memory: 1 << 30,
        lsms: Vec::new(),
        clock_source: "tsc".into(),
        mitigations: std::collections::BTreeMap::new(),
        cgroups: Cgroups::default(),
        last_capability: 40,
        capabilities: isolab_core::capability::Sets::all(),
        namespaces: std::collections::BTreeMap::new(),
        landlock: 0,
        uid: 0,
        gid: 0,
        features: std::collections::BTreeMap::new(),
    }
}
