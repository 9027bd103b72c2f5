//! Choices, made by the bytes of a fuzzer.
//!
//! Once the bytes are used up each choice is its first, and nothing is odd: a short input is a plain config.

use arbitrary::{Result, Unstructured};
use serde_json::Value;

/// What choices are made with.
pub(super) struct Draw<'u, 'b> {
    bytes: &'u mut Unstructured<'b>,
    /// Whether anything may be odd: wrong, or not consistent with the rest.
    odd: bool,
}

impl<'u, 'b> Draw<'u, 'b> {
    pub(super) fn new(bytes: &'u mut Unstructured<'b>) -> Draw<'u, 'b> {
        Draw { bytes, odd: false }
    }

    /// Lets things be odd, one time in so many.
    pub(super) fn allow_odd(&mut self, one_in: u8) -> Result<()> {
        self.odd = self.one_in(one_in)?;
        Ok(())
    }

    /// One time in so many.
    pub(super) fn one_in(&mut self, many: u8) -> Result<bool> {
        Ok(self.bytes.int_in_range(1..=many)? == many)
    }

    /// Whether this is to be odd.
    pub(super) fn is_odd(&mut self) -> Result<bool> {
        if self.odd { self.one_in(16) } else { Ok(false) }
    }

    pub(super) fn coin(&mut self) -> Result<bool> {
        self.one_in(2)
    }

    pub(super) fn number(&mut self, least: u64, most: u64) -> Result<u64> {
        self.bytes.int_in_range(least..=most)
    }

    /// A number of this range, mostly one at which something changes.
    pub(super) fn edge(&mut self, least: i64, most: i64) -> Result<i64> {
        const EDGES: [i64; 16] = [
            0,
            1,
            -1,
            2,
            255,
            256,
            999,
            1024,
            65_535,
            65_536,
            (1 << 31) - 1,
            1 << 31,
            (1 << 32) - 1,
            1 << 32,
            1 << 62,
            i64::MIN,
        ];
        match self.number(0, 3)? {
            0 => Ok(least),
            1 => Ok(most),
            2 => Ok(self.pick(&EDGES)?.clamp(least, most)),
            _ => self.bytes.int_in_range(least..=most),
        }
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> Result<T> {
        self.bytes.choose(from).copied()
    }

    /// Some of these, in their order.
    pub(super) fn some_of<T: Copy>(&mut self, from: &[T]) -> Result<Vec<T>> {
        let mut chosen = Vec::new();
        for one in from {
            if self.coin()? {
                chosen.push(*one);
            }
        }
        Ok(chosen)
    }

    pub(super) fn list<T>(
        &mut self,
        most: u64,
        mut one: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let length = self.number(0, most)?;
        (0..length).map(|_| one(self)).collect()
    }

    /// Sets a property every second time.
    pub(super) fn perhaps(
        &mut self,
        object: &mut Value,
        name: &str,
        one: impl FnOnce(&mut Self) -> Result<Value>,
    ) -> Result<()> {
        if self.coin()? {
            object[name] = one(self)?;
        }
        Ok(())
    }

    /// A string as people write it, and as nobody does; without NUL.
    pub(super) fn text(&mut self) -> Result<String> {
        const TEXTS: [&str; 14] = [
            "a",
            "word",
            "",
            "two words",
            " ",
            "ä 名",
            "\"quoted\"",
            "back\\slash",
            "new\nline\ttab",
            "{[,:]}",
            "\u{7f}\u{1}\u{2028}",
            "🦀",
            "--",
            "%s$HOME",
        ];
        if self.one_in(16)? {
            let length = self.pick(&[255, 256, 4095, 4096])?;
            return Ok("x".repeat(length));
        }
        Ok(self.pick(&TEXTS)?.to_owned())
    }
}
