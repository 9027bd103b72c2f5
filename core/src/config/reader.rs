//! Reads a spec and collects what is wrong with it.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use oci_spec::runtime::{Linux, Process, Spec};

use super::{NOT_YET, Violation, Violations};
use crate::planted::planted;

/// Whether a container may have this name: it names directories and cgroups, so it is kept to what is harmless there.
#[must_use]
pub fn is_plain_id(id: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || c.is_alphanumeric() && planted("any-letter-in-an-id");
    let ordinary = |c: char| letter(c) || "_+-.".contains(c);
    let longest = 128 - usize::from(planted("longest-id-refused"));
    !id.is_empty() && !id.starts_with(['.', '-']) && id.len() <= longest && id.chars().all(ordinary)
}

/// A spec being validated.
pub(crate) struct Reader<'a> {
    pub(crate) spec: &'a Spec,
    bundle: PathBuf,
    pub(crate) violations: Vec<Violation>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(spec: &'a Spec, bundle: &Path) -> Reader<'a> {
        let bundle = std::path::absolute(bundle).unwrap_or_else(|_| bundle.to_owned());
        Reader { spec, bundle, violations: Vec::new() }
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, Violations> {
        if self.violations.is_empty() { Ok(value) } else { Err(Violations(self.violations)) }
    }

    /// The bundle's directory.
    pub(super) fn bundle(&self) -> &Path {
        &self.bundle
    }

    pub(crate) fn refuse(&mut self, path: impl Into<String>, problem: impl Into<String>) {
        self.violations.push(Violation { path: path.into(), problem: problem.into() });
    }

    pub(crate) fn linux(&self) -> Option<&'a Linux> {
        self.spec.linux().as_ref()
    }

    pub(crate) fn process(&self) -> Option<&'a Process> {
        self.spec.process().as_ref()
    }

    /// A string for the kernel: without NUL.
    pub(crate) fn text(&mut self, path: &str, value: impl AsRef<[u8]>) -> CString {
        CString::new(value.as_ref()).unwrap_or_else(|nul| {
            self.refuse(path, format!("has a NUL byte at position {}", nul.nul_position()));
            CString::default()
        })
    }

    /// An absolute path inside the container, at most `PATH_MAX` long.
    pub(crate) fn path_inside(&mut self, path: &str, value: &Path) -> CString {
        if !value.is_absolute() {
            self.refuse(path, format!("{value:?} is not absolute"));
        }
        if value.as_os_str().len() >= libc::PATH_MAX as usize {
            self.refuse(path, format!("is longer than {} bytes", libc::PATH_MAX));
        }
        self.text(path, value.as_os_str().as_bytes())
    }

    /// A path on the host, relative ones to the bundle.
    pub(crate) fn path_on_host(&mut self, path: &str, value: &Path) -> CString {
        if value.as_os_str().is_empty() {
            self.refuse(path, "is empty");
        }
        let full = self.bundle.join(value);
        self.text(path, full.as_os_str().as_bytes())
    }

    pub(super) fn check_id(&mut self, id: &str) {
        if !is_plain_id(id) {
            self.refuse(
                "container id",
                format!("{id:?} is not 1 to 128 of A-Z a-z 0-9 _ + - . starting with neither . nor -"),
            );
        }
    }

    /// The spec's version must be a semantic version of major 1; newer minors are read, as the spec's rules of
    /// compatibility allow.
    pub(super) fn check_version(&mut self) {
        let version = self.spec.version().as_str();
        let numbers = version.split(['-', '+']).next().unwrap_or_default();
        let parts: Vec<Option<u32>> = numbers.split('.').map(|part| part.parse().ok()).collect();
        match parts.as_slice() {
            [Some(1), Some(_), Some(_)] => {}
            [Some(_), Some(_), Some(_)] => {
                self.refuse("ociVersion", format!("{version:?} is not supported; this launcher knows 1.x"));
            }
            _ if version.is_empty() => self.refuse("ociVersion", "is missing"),
            _ => self.refuse("ociVersion", format!("{version:?} is not a semantic version")),
        }
    }

    /// Whether the config is of runtime-spec 1.0.
    pub(crate) fn is_before_1_1(&self) -> bool {
        self.spec.version().starts_with("1.0.")
    }

    /// Refuses what is allowed by the spec but not done here, rather than launch something weaker or different.
    pub(super) fn check_unsupported(&mut self) {
        let mut asked = Vec::new();
        let spec = self.spec;
        asked.push(("vm", spec.vm().is_some()));
        if let Some(linux) = self.linux() {
            asked.extend([("linux.intelRdt", linux.intel_rdt().is_some())]);
        }
        for (path, _) in asked.into_iter().filter(|(_, asked)| *asked) {
            self.refuse(path, NOT_YET);
        }
    }
}
