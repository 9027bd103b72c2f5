//! Configs: read, understood, and printed again.

pub mod bytes;
