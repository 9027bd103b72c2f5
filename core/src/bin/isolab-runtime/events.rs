//! `events`: what a container uses, and when it is out of memory, one JSON object a line.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use isolab_core::cgroup::{self, OomWatch};
use isolab_core::state::{Identity, State, Status};
use isolab_core::sys::process;
use serde_json::json;

use crate::Context;
use crate::arguments::Events;
use crate::failure::Failure;
use crate::{output, time};

pub(crate) fn events(context: &Context, given: &Events) -> Result<(), Failure> {
    let interval = time::span(&given.interval)
        .ok_or_else(|| Failure::new(format!("--interval {}: not a time such as 5s", given.interval)))?;
    let (entry, state) = context.store.find(&given.id)?;
    let pidfd = state.init.filter(|_| state.status(&entry) != Status::Stopped).and_then(Identity::open);
    let pidfd = pidfd.ok_or_else(|| Failure::new(format!("container not running: {:?}", state.id)))?;
    if given.stats {
        return print_usage(&state);
    }
    let mut memory = OomWatch::new(&state.groups)?;
    let mut next = Instant::now() + interval;
    loop {
        let left = next.saturating_duration_since(Instant::now());
        let mut sources = vec![pidfd.as_fd()];
        sources.extend(memory.as_ref().map(OomWatch::fd));
        let ready = process::poll(&sources, Some(left)).map_err(|errno| Failure::context("poll", errno))?;
        // Before its end is noticed: it may be the reason.
        if let Some(watch) = &mut memory {
            print_out_of_memory(&state, watch)?;
        }
        match ready {
            Some(0) => return Ok(()),
            Some(_) => {}
            None => {
                print_usage(&state)?;
                next += interval.max(Duration::from_millis(1));
            }
        }
    }
}

fn print_usage(state: &State) -> Result<(), Failure> {
    let usage = cgroup::usage(&state.groups)?;
    output::json(&json!({"type": "stats", "id": state.id, "data": usage}), false)
}

fn print_out_of_memory(state: &State, watch: &mut OomWatch) -> Result<(), Failure> {
    if process::poll(&[watch.fd()], Some(Duration::ZERO)) != Ok(Some(0)) {
        return Ok(());
    }
    for _ in 0..watch.take()? {
        output::json(&json!({"type": "oom", "id": state.id}), false)?;
    }
    Ok(())
}
