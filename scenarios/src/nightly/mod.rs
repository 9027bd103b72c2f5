//! What `isolab nightly` runs: the stages of a profile, or a shard of them, each by a command of its own.

mod end;
mod profile;
mod shard;

pub use end::{Limit, run};
pub use profile::{Profile, Stage};
pub use shard::Shard;
