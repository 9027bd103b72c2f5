//! Content addresses: what a blob must hash to, checked while it is read.

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;

use oci_spec::image::{Digest, DigestAlgorithm};
use sha2::{Digest as _, Sha256, Sha512};

use super::error::Problem;

enum State {
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

/// A hash under way, shared by the reader that feeds it and the caller that wants its value.
#[derive(Clone)]
pub(super) struct Hasher {
    state: Rc<RefCell<State>>,
    expected: Digest,
}

impl Hasher {
    /// For content that must have this digest.
    pub(super) fn new(expected: &Digest) -> Result<Hasher, Problem> {
        let state = match expected.algorithm() {
            DigestAlgorithm::Sha256 => State::Sha256(Sha256::new()),
            DigestAlgorithm::Sha512 => State::Sha512(Box::new(Sha512::new())),
            other => {
                return Err(Problem::format(format!(
                    "digest {expected}: {other} is not supported, only sha256 and sha512"
                )));
            }
        };
        Ok(Hasher { state: Rc::new(RefCell::new(state)), expected: expected.clone() })
    }

    pub(super) fn update(&self, bytes: &[u8]) {
        match &mut *self.state.borrow_mut() {
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// Compares what was read with what was promised.
    pub(super) fn check(&self, what: &str) -> Result<(), Problem> {
        let bytes = match &*self.state.borrow() {
            State::Sha256(state) => state.clone().finalize().to_vec(),
            State::Sha512(state) => state.clone().finalize().to_vec(),
        };
        let got: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if got == self.expected.digest() {
            return Ok(());
        }
        let got = format!("{}:{got}", self.expected.algorithm());
        Err(Problem::Digest { what: what.into(), expected: self.expected.to_string(), got })
    }
}

/// Feeds what is read through it to a hash.
pub(super) struct Hashing<R> {
    source: R,
    hasher: Option<Hasher>,
}

impl<R> Hashing<R> {
    pub(super) fn new(source: R, hasher: Option<Hasher>) -> Hashing<R> {
        Hashing { source, hasher }
    }

    pub(super) fn source(&self) -> &R {
        &self.source
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let done = self.source.read(buffer)?;
        if let (Some(hasher), Some(bytes)) = (&self.hasher, buffer.get(..done)) {
            hasher.update(bytes);
        }
        Ok(done)
    }
}
