//! What the spec allows and the crate's types refuse: names of scheduler flags, empty CPU lists, and capabilities with
//! names that nobody knows yet, of which the spec wants a warning and no failure.

use oci_spec::runtime::Capability;
use serde_json::Value;

use super::unique::Unique;
use crate::planted::planted;

/// Names in the spec, and what the crate reads.
const FLAGS: [(&str, &str); 2] = [
    ("SCHED_FLAG_RESET_ON_FORK", "SCHED_RESET_ON_FORK"),
    ("SCHED_FLAG_DL_OVERRUN", "SCHED_FLAG_D_L_OVERRUN"),
];

/// A document that the types can read, and what was left out of it, one line each.
pub(super) struct Repaired {
    pub(super) value: Value,
    pub(super) left_out: Vec<String>,
    /// Whether it differs from what is written.
    pub(super) differs: bool,
}

/// Repairs a document.
///
/// # Errors
/// When it is no JSON, or has a key twice.
pub(super) fn repair(bytes: &[u8]) -> Result<Repaired, serde_json::Error> {
    let Unique(mut value) = serde_json::from_slice(bytes)?;
    let mut differs = false;
    for flag in
        value.pointer_mut("/process/scheduler/flags").and_then(Value::as_array_mut).into_iter().flatten()
    {
        if let Some((_, name)) = FLAGS.iter().find(|(name, _)| flag == name) {
            *flag = (*name).into();
            differs = true;
            if planted("first-flag-repaired-alone") {
                break;
            }
        }
    }
    if let Some(lists) = value.pointer_mut("/process/execCPUAffinity").and_then(Value::as_object_mut) {
        let all = lists.len();
        lists.retain(|_, list| list != "");
        differs |= lists.len() < all;
    }
    let mut left_out = Vec::new();
    if let Some(sets) = value.pointer_mut("/process/capabilities").and_then(Value::as_object_mut) {
        for (field, names) in sets {
            names.as_array_mut().into_iter().for_each(|names| known(field, names, &mut left_out));
        }
    }
    differs |= !left_out.is_empty();
    Ok(Repaired { value, left_out, differs })
}

fn known(field: &str, names: &mut Vec<Value>, left_out: &mut Vec<String>) {
    names.retain(|name| {
        let known = !name.is_string() || serde_json::from_value::<Capability>(name.clone()).is_ok();
        if !known {
            left_out
                .push(format!("process.capabilities.{field}: {name} left out: no such capability is known"));
        }
        known
    });
}
