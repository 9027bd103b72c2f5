//! The config as meant: validated, typed, free of I/O.
//!
//! [`Config::new`] collects everything that is wrong before it refuses. What the runtime-spec allows but this launcher
//! does not do yet is refused by name; nothing is dropped silently.

mod reader;
pub mod violation;

use std::collections::BTreeMap;
use std::ffi::CString;
use std::path::{Path, PathBuf};

use oci_spec::runtime::Spec;

use crate::{
    apparmor, capability, cgroup, device, hook, landlock, mask, memory_policy, mount, namespace, personality,
    process, rootfs, scheduler, seccomp, selinux, sysctl,
};
pub(crate) use reader::Reader;
pub(crate) use violation::NOT_YET;
pub use violation::{Violation, Violations};

/// A container as it is meant to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The container's id.
    pub id: String,
    /// What runs in it, and as whom.
    pub process: process::Process,
    /// Its five capability sets: empty where the config has none, as for runc and crun.
    pub capabilities: capability::Sets,
    /// Its root file system.
    pub root: rootfs::Root,
    /// Its mounts, in order.
    pub mounts: Vec<mount::Mount>,
    /// The SELinux label of what its file systems hold.
    pub mount_label: Option<CString>,
    /// Device nodes, the default ones included.
    pub devices: Vec<device::Device>,
    /// Its namespaces, and what they are given.
    pub namespaces: namespace::Namespaces,
    /// Host name in its uts namespace.
    pub hostname: Option<CString>,
    /// NIS domain name in its uts namespace.
    pub domainname: Option<CString>,
    /// Its cgroup; `None` leaves it in the launcher's.
    pub cgroup: Option<cgroup::Group>,
    /// Paths that it must not see, and must not write.
    pub paths: mask::Paths,
    /// Its system call filter.
    pub seccomp: Option<seccomp::Filter>,
    /// Programs that run at points of its life.
    pub hooks: hook::Hooks,
    /// Version of the spec that it follows.
    pub version: String,
    /// Its bundle's directory.
    pub bundle: PathBuf,
    /// What else is said of it.
    pub annotations: BTreeMap<String, String>,
    /// The AppArmor profile of its workload.
    pub apparmor: Option<CString>,
    /// The SELinux context of its workload.
    pub selinux: Option<CString>,
    /// Its Landlock rules.
    pub landlock: Option<landlock::Rules>,
    /// Kernel parameters of its namespaces, by path.
    pub sysctls: Vec<sysctl::Sysctl>,
    /// How its workload is scheduled.
    pub scheduling: scheduler::Scheduling,
    /// Where its workload's memory comes from.
    pub memory_policy: Option<memory_policy::MemoryPolicy>,
    /// The execution domain of its workload, as `personality(2)` numbers it.
    pub personality: Option<u32>,
}

impl Config {
    /// Validates `spec`. Relative paths in it are relative to `bundle`, which is made absolute first if it can be.
    ///
    /// # Errors
    /// All violations, each with its JSON path.
    pub fn new(spec: &Spec, bundle: &Path, id: &str) -> Result<Config, Violations> {
        let mut reader = Reader::new(spec, bundle);
        reader.check_id(id);
        reader.check_version();
        reader.check_unsupported();
        let namespaces = namespace::Namespaces::read(&mut reader);
        let mounts = mount::read(&mut reader, &namespaces);
        let config = Config {
            id: id.to_owned(),
            process: process::Process::read(&mut reader, &namespaces),
            capabilities: capability::Sets::read(&mut reader),
            root: rootfs::Root::read(&mut reader, &namespaces),
            mount_label: mount::read_label(&mut reader),
            devices: device::read(&mut reader, &namespaces, &mounts),
            hostname: namespace::uts_name(&mut reader, &namespaces, "hostname", spec.hostname().as_deref()),
            domainname: namespace::uts_name(
                &mut reader,
                &namespaces,
                "domainname",
                spec.domainname().as_deref(),
            ),
            cgroup: cgroup::Group::read(&mut reader, id, &mounts),
            paths: mask::Paths::read(&mut reader, &namespaces),
            seccomp: read_seccomp(&mut reader),
            hooks: hook::Hooks::read(&mut reader),
            version: spec.version().clone(),
            bundle: reader.bundle().to_owned(),
            annotations: spec.annotations().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
            apparmor: apparmor::read(&mut reader),
            selinux: selinux::read(&mut reader),
            landlock: landlock::read(&mut reader),
            sysctls: sysctl::read(&mut reader, &namespaces),
            scheduling: scheduler::Scheduling::read(&mut reader),
            memory_policy: memory_policy::read(&mut reader),
            personality: personality::read(&mut reader),
            namespaces,
            mounts,
        };
        reader.finish(config)
    }
}

fn read_seccomp(reader: &mut Reader<'_>) -> Option<seccomp::Filter> {
    let profile = reader.linux()?.seccomp().as_ref()?;
    match seccomp::Filter::new(profile, seccomp::Arch::NATIVE) {
        Ok(filter) => Some(filter),
        Err(violations) => {
            reader.violations.extend(violations);
            None
        }
    }
}
