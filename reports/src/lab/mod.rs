//! The kernel lab's results: one scenario list on several kernels, each booted several times.
//!
//! As for one record, data flows one way: [`Lab`] (what was seen) → [`figures::Figures`] (what it says) → [`text`],
//! [`markdown`] or [`html`].

pub mod figures;
pub mod html;
pub mod markdown;
pub mod record;
pub mod text;

pub use record::Lab;
