//! Containers from their primitives.
//!
//! An OCI config ([`oci`]) is validated into what it means ([`config`]), compiled for a host ([`host`]) into a plan of
//! kernel operations ([`plan`]), and launched (`launch`); what the kernel then shows is observed and
//! compared with what was asked ([`observe`]). Each primitive has a module of its own, named in the kernel's word, with
//! its part of the config, its operations, and (with the `launch` feature) their performance.
//!
//! Without the `launch` feature nothing here touches the kernel.

pub mod apparmor;
pub mod capability;
pub mod cgroup;
pub mod config;
pub mod device;
pub mod exit;
pub mod hook;
pub mod host;
#[cfg(feature = "image")]
pub mod image;
pub mod landlock;
#[cfg(feature = "launch")]
pub mod launch;
pub mod mask;
pub mod memory_policy;
pub mod mount;
pub mod namespace;
#[cfg(feature = "launch")]
pub mod need;
pub mod network;
pub mod observe;
pub mod oci;
pub mod personality;
pub mod plan;
pub mod planted;
pub mod process;
pub mod rootfs;
pub mod scheduler;
pub mod seccomp;
pub mod selinux;
#[cfg(feature = "launch")]
pub mod snapshot;
#[cfg(feature = "launch")]
pub mod state;
#[cfg(feature = "launch")]
pub mod sys;
pub mod sysctl;
pub mod terminal;
