//! What differs between two policies, on a terminal.

use std::io;

use asprov_admin::Difference;
use serde_json::Value;

use crate::admin_api::text_of;
use crate::failure::Failure;
use crate::terminal::{counted, harmless};

/// A line for each field and setting.
pub(super) fn show(difference: &[Difference], out: &mut dyn io::Write) -> Result<(), Failure> {
    for Difference { name, before, after } in difference {
        let shown = |value: &Value| match harmless(&text_of(Some(value))) {
            text if text.is_empty() => "nothing".to_owned(),
            text => text,
        };
        writeln!(out, "  {}: {} -> {}", harmless(name), shown(before), shown(after))?;
    }
    Ok(())
}

/// The differences of an answer of the API.
pub(super) fn of(answer: &Value) -> Vec<Difference> {
    let items = answer.get("difference").and_then(Value::as_array).into_iter().flatten();
    let read = |item: &Value| Difference {
        name: text_of(item.get("name")),
        before: item.get("before").cloned().unwrap_or_default(),
        after: item.get("after").cloned().unwrap_or_default(),
    };
    items.map(read).collect()
}

/// How many devices a change asks to provision again, by the effect that the API tells.
pub(super) fn devices(effect: Option<&Value>) -> usize {
    let devices = effect.and_then(|effect| effect.get("devices_to_provision_again")).and_then(Value::as_u64);
    usize::try_from(devices.unwrap_or(0)).unwrap_or(usize::MAX)
}

/// `3 devices have to provision again`, or would have to.
pub(super) fn devices_asked(effect: Option<&Value>, dry_run: bool) -> String {
    let devices = counted(devices(effect), "device", "devices");
    if dry_run {
        format!("{devices} would have to provision again; nothing was changed")
    } else {
        format!("{devices} to provision again")
    }
}
