//! Records, statistics and pages.
//!
//! Launches nothing and needs no privileges: a record made elsewhere can be read, analysed and rendered anywhere.
//!
//! Data flows one way: [`record::Record`] (what was seen) → [`figures::Figures`] (what the numbers say, in words and
//! numbers fit to print) → [`terminal`], [`html`], [`markdown`] or [`junit`]. All print the same figures, so they cannot disagree.

pub mod compare;
pub mod figures;
pub mod file;
pub mod history;
pub mod html;
pub mod junit;
pub mod lab;
pub mod markdown;
mod markup;
pub mod night;
pub mod record;
pub mod run;
pub mod runs;
pub mod stats;
pub mod terminal;
mod text;
pub mod trackers;
pub mod units;
pub mod verdict;

pub use record::{Record, RecordError};
pub use terminal::Style;
