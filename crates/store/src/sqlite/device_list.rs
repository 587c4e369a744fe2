//! A page of devices: the filters as SQL, and where the page ends.

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, params_from_iter};

use super::cells::{Cells, microseconds};
use super::device_row::{DEVICE, read};
use super::fault::Result;
use crate::{DevicePage, DeviceQuery, WipeFilter, limits};

/// `DeviceRecord::phase`, said once more; the contract tests compare the two for every combination.
pub(super) const PHASE: &str = "CASE WHEN wipe_state IN ('pending', 'sent', 'failed') THEN 'wipe_due'
    WHEN wipe_state = 'acknowledged' THEN 'wiped' WHEN offer_key IS NOT NULL THEN 'offered'
    WHEN provisioned_key IS NOT NULL THEN 'provisioned' ELSE 'unprovisioned' END";

/// The columns that a text is looked for in.
const TEXTS: [&str; 6] = ["user", "device_id", "device_type", "model", "friendly_name", "user_agent"];

/// The devices that a query asks for.
pub(super) fn page(connection: &Connection, query: &DeviceQuery) -> Result<DevicePage> {
    let limit = query.limit.min(limits::DEVICES_AT_ONCE);
    let (sql, parameters) = select(query, limit);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(parameters))?;
    let mut page = DevicePage::default();
    while let Some(row) = rows.next()? {
        if page.items.len() == limit {
            // One more than asked for: there is a next page.
            page.next = page.items.last().map(|last| last.record.device.clone());
            break;
        }
        page.items.push(read(&mut Cells::new(&DEVICE, row))?);
    }
    Ok(page)
}

/// The statement. Only the filters that are asked for stand in it, so that SQLite can go by the index; what is asked
/// for is always a parameter.
pub(super) fn select(query: &DeviceQuery, limit: usize) -> (String, Vec<ToSqlOutput<'_>>) {
    let mut conditions = vec!["TRUE".to_owned()];
    let mut parameters: Vec<ToSqlOutput<'_>> = Vec::new();
    if let Some(after) = &query.after {
        conditions.push("(user, device_id) > (?, ?)".to_owned());
        parameters.extend([after.user.as_str().into(), after.device_id.as_str().into()]);
    }
    if let Some(user) = &query.user {
        conditions.push("user = ?".to_owned());
        parameters.push(user.as_str().into());
    }
    if let Some(access) = query.access {
        // Without a decision about it, a device is allowed.
        conditions.push("coalesce(access_state, 'allowed') = ?".to_owned());
        parameters.push(access.as_str().into());
    }
    if let Some(phase) = query.phase {
        conditions.push(format!("{PHASE} = ?"));
        parameters.push(phase.as_str().into());
    }
    match query.wipe {
        None => {}
        Some(WipeFilter::Any) => conditions.push("wipe_kind IS NOT NULL".to_owned()),
        Some(WipeFilter::State(state)) => {
            conditions.push("wipe_state = ?".to_owned());
            parameters.push(state.as_str().into());
        }
    }
    if let Some(since) = query.not_seen_since {
        conditions.push("last_seen_at < ?".to_owned());
        parameters.push(microseconds(since));
    }
    if let Some(text) = &query.text {
        // Not LIKE: it would need its wildcards escaped, and refuses long patterns. lower() is about A to Z only, as
        // the trait says.
        let columns = TEXTS.map(|column| format!("instr(lower({column}), ?) > 0"));
        conditions.push(format!("({})", columns.join(" OR ")));
        parameters.extend(TEXTS.map(|_| ToSqlOutput::from(text.to_ascii_lowercase())));
    }
    parameters.push(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1).into());
    let (columns, conditions) = (DEVICE.list(), conditions.join(" AND "));
    (format!("SELECT {columns} FROM device WHERE {conditions} ORDER BY user, device_id LIMIT ?"), parameters)
}
