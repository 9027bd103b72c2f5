//! Declared experiments on containers, and the launchers that they run on.
//!
//! A scenario file says what to launch, what to ask, and what must hold ([`schema`]); a launcher starts it
//! ([`launcher`]); a probe inside answers ([`probe`]); the results are records of `isolab-reports`.

pub mod ab;
mod bed;
pub mod bundle;
mod canary;
pub mod cancel;
pub mod catalog;
pub mod check;
pub mod cost;
pub mod diff;
pub mod drawn;
pub mod edit;
mod executable;
mod expect;
mod facts;
pub mod faults;
pub mod fuzzed;
mod group;
pub mod hook;
pub mod inside;
pub mod interference;
pub mod lab;
pub mod launcher;
pub mod leftovers;
pub mod network;
pub mod nightly;
pub mod noise;
mod path;
mod posture;
pub mod probe;
pub mod progress;
pub mod ready;
pub mod record;
mod revision;
pub mod schedule;
pub mod schema;
pub mod scratch;
mod stage;
pub mod survey;
mod template;
#[cfg(test)]
mod testing;
pub mod workload;
