//! Seccomp profiles: understood, compiled, and decided by.

pub mod bytes;
