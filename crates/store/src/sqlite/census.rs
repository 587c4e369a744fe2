//! All devices, counted by SQL.

use asprov_protocol::device::DeviceType;
use asprov_protocol::message::WipeKind;
use asprov_protocol::server::{AccessState, Phase, WipeState};
use asprov_protocol::version::ProtocolVersion;
use rusqlite::Connection;

use super::cells::{Cells, Table};
use super::device_list::PHASE;
use super::fault::Result;
use crate::Census;
use crate::census::{KindCount, WIPES, WipeTimes};

const KIND: Table = Table {
    name: "device",
    key: 0,
    columns: &[
        "phase",
        "access_state",
        "device_type",
        "user_agent",
        "protocol_version",
        "model",
        "os",
        "told",
        "count",
    ],
};
const WIPE: Table = Table {
    name: "device",
    key: 0,
    columns: &["wipe_kind", "wipe_state", "wipe_requested_at", "wipe_acknowledged_at"],
};

/// Counts them.
pub(super) fn take(connection: &Connection) -> Result<Census> {
    let told = "coalesce(model, imei, friendly_name, os, os_language, phone_number, device_information_user_agent,
        mobile_operator, enable_outbound_sms) IS NOT NULL";
    let kinds = format!(
        "SELECT {PHASE}, access_state, device_type, user_agent, protocol_version, model, os, {told}, count(*)
        FROM device GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8"
    );
    let mut census = Census::default();
    let mut statement = connection.prepare_cached(&kinds)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let cells = &mut Cells::new(&KIND, row);
        census.kinds.push(KindCount {
            phase: cells.text(|word| Phase::ALL.into_iter().find(|phase| phase.as_str() == word))?,
            access: cells.optional_text(AccessState::parse)?,
            device_type: cells.text(|text| DeviceType::new(text).ok())?,
            user_agent: cells.value()?,
            protocol_version: cells.text(|text| text.parse::<ProtocolVersion>().ok())?,
            model: cells.value()?,
            os: cells.value()?,
            told: cells.flag()?,
            count: cells.value::<i64>()?.unsigned_abs(),
        });
    }
    let wipes = "SELECT wipe_kind, wipe_state, wipe_requested_at, wipe_acknowledged_at FROM device
        WHERE wipe_kind IS NOT NULL LIMIT ?1";
    let mut statement = connection.prepare_cached(wipes)?;
    let mut rows = statement.query([WIPES])?;
    while let Some(row) = rows.next()? {
        let cells = &mut Cells::new(&WIPE, row);
        census.wipes.push(WipeTimes {
            kind: cells.text(WipeKind::parse)?,
            state: cells.text(WipeState::parse)?,
            requested_at: cells.time()?,
            acknowledged_at: cells.optional_time()?,
        });
    }
    Ok(census)
}
