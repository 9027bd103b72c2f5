//! `state`: what a container is at.

use std::collections::BTreeMap;
use std::path::Path;

use isolab_core::state::{Entry, State, Status};
use serde::Serialize;

use crate::Context;
use crate::failure::Failure;
use crate::{output, time};

/// The runtime-spec's state, with the members that runc has besides, in its order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown<'a> {
    oci_version: &'a str,
    pub(crate) id: &'a str,
    pub(crate) pid: i32,
    pub(crate) status: &'static str,
    pub(crate) bundle: &'a Path,
    rootfs: &'a Path,
    pub(crate) created: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
    pub(crate) owner: String,
}

impl Shown<'_> {
    pub(crate) fn new<'a>(state: &'a State, entry: &Entry) -> Shown<'a> {
        let status = state.status(entry);
        Shown {
            oci_version: &state.oci_version,
            id: &state.id,
            // runc's: a container that has ended has no process.
            pid: state.init.filter(|_| status != Status::Stopped).map_or(0, |init| init.pid),
            status: status.name(),
            bundle: &state.bundle,
            rootfs: &state.rootfs,
            created: time::nanoseconds(state.created),
            annotations: &state.annotations,
            owner: output::user(state.owner),
        }
    }
}

pub(crate) fn state(context: &Context, id: &str) -> Result<(), Failure> {
    let (entry, state) = context.store.find(id)?;
    output::json(&Shown::new(&state, &entry), true)
}
