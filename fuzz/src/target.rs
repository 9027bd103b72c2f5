//! A target: a property over bytes, and its name.

use std::fmt::Debug;

use arbitrary::{Arbitrary, Unstructured};

/// A property with its name.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name, also of its program, its corpus and its dictionary.
    pub name: &'static str,
    /// Panics when the property does not hold for the input that the bytes stand for.
    pub holds: fn(&[u8]),
    /// The input as people read it.
    pub show: fn(&[u8]) -> String,
    /// It asks the kernel: it needs root, and what it makes is looked for afterwards.
    pub live: bool,
}

/// What bytes are drawn into; nothing when there are too few of them.
#[must_use]
pub fn draw<T: for<'a> Arbitrary<'a>>(bytes: &[u8]) -> Option<T> {
    T::arbitrary_take_rest(Unstructured::new(bytes)).ok()
}

/// A drawn input as its debug output.
#[must_use]
pub fn drawn<T: for<'a> Arbitrary<'a> + Debug>(bytes: &[u8]) -> String {
    draw::<T>(bytes).map_or_else(|| "too few bytes".to_owned(), |input| format!("{input:#?}"))
}

/// Bytes as the text that they are meant to be.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
