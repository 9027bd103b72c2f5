//! `list`: all containers below the root directory.

use crate::Context;
use crate::arguments::{Format, List};
use crate::failure::Failure;
use crate::output;
use crate::state::Shown;

pub(crate) fn list(context: &Context, given: &List) -> Result<(), Failure> {
    let entries = context.store.list()?;
    let mut shown = Vec::new();
    for (entry, state) in &entries {
        match state {
            Ok(state) if given.quiet => output::print(&format!("{}\n", state.id))?,
            Ok(state) => shown.push(Shown::new(state, entry)),
            // One that another version left is no reason to show none.
            Err(error) => context.log.warn(&error.to_string()),
        }
    }
    match given.format {
        _ if given.quiet => Ok(()),
        // As runc's encoder has it.
        Format::Json if shown.is_empty() => output::print("null\n"),
        Format::Json => output::json(&shown, false),
        Format::Table => output::print(&output::table(&rows(&shown))),
    }
}

fn rows(shown: &[Shown<'_>]) -> Vec<[String; 6]> {
    let mut rows = vec![["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"].map(str::to_owned)];
    rows.extend(shown.iter().map(|shown| {
        let bundle = shown.bundle.display().to_string();
        let (id, status) = (shown.id.to_owned(), shown.status.to_owned());
        [id, shown.pid.to_string(), status, bundle, shown.created.clone(), shown.owner.clone()]
    }));
    rows
}
