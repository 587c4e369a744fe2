//! The table `device`: reading a row, keeping a decision, noting a sighting.

use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::message::{AcknowledgmentStatus, DeviceInformation, WipeKind};
use asprov_protocol::policy::{Fingerprint, PolicyName};
use asprov_protocol::policy_key::{PermanentKey, PolicyKey, TemporaryKey};
use asprov_protocol::server::{
    AccessState, Acknowledgment, DeviceRecord, Event, Offer, PersonalAccess, Provisioned, WipeOrder, WipeState,
};
use asprov_protocol::version::ProtocolVersion;
use jiff::Timestamp;
use rusqlite::types::{Null, ToSqlOutput};
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::cells::{Cells, Table, microseconds};
use super::fault::Result;
use super::writer::Write;
use super::{change, event};
use crate::{ChangeKind, Saved, Sighting, StoredDevice, limits};

/// The columns in the order in which [`read`] and [`values`] go through them: the record, then what stands outside it.
pub(super) const DEVICE: Table = Table {
    name: "device",
    key: 2,
    columns: &[
        "user",
        "device_id",
        "device_type",
        "user_agent",
        "protocol_version",
        "offer_key",
        "offer_fingerprint",
        "offer_policy",
        "offer_offered_at",
        "provisioned_key",
        "provisioned_fingerprint",
        "provisioned_policy",
        "provisioned_acknowledged_at",
        "acknowledgment_status",
        "acknowledgment_accepted",
        "acknowledgment_at",
        "wipe_kind",
        "wipe_state",
        "wipe_reason",
        "wipe_requested_at",
        "wipe_requested_by",
        "wipe_sent_at",
        "wipe_acknowledged_at",
        "access_state",
        "access_reason",
        "access_decided_by",
        "model",
        "imei",
        "friendly_name",
        "os",
        "os_language",
        "phone_number",
        "device_information_user_agent",
        "mobile_operator",
        "enable_outbound_sms",
        "first_seen_at",
        "last_seen_at",
        "revision",
    ],
};

/// How many of the columns are the record's.
const RECORD: usize = 36;

/// The statements about devices, made of the columns once a process.
pub(super) struct Statements {
    /// One row.
    pub(super) one: String,
    insert: String,
    update: String,
}

pub(super) static STATEMENTS: std::sync::LazyLock<Statements> = std::sync::LazyLock::new(|| {
    let all = DEVICE.list();
    let record: Vec<&str> = DEVICE.columns.iter().copied().take(RECORD).collect();
    let places = |count: usize| (1..=count).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
    Statements {
        one: format!("SELECT {all} FROM device WHERE user = ?1 AND device_id = ?2"),
        insert: format!(
            "INSERT INTO device ({all}) VALUES ({}) ON CONFLICT (user, device_id) DO NOTHING",
            places(DEVICE.columns.len())
        ),
        // The columns of the key stay as they are.
        update: format!(
            "UPDATE device SET {}, revision = revision + 1 WHERE user = ?1 AND device_id = ?2 AND revision = ?{}",
            (3..).zip(record.iter().skip(2)).map(|(place, column)| format!("{column} = ?{place}")).collect::<Vec<_>>().join(", "),
            RECORD + 1
        ),
    }
});

pub(super) const ACKNOWLEDGED_BEFORE: &str = "SELECT count(*) FROM device WHERE user = ?1 AND provisioned_key IS NOT NULL
    AND (first_seen_at, device_id) < (?2, ?3)";
pub(super) const ACKNOWLEDGED: &str = "SELECT count(*) FROM device WHERE user = ?1 AND provisioned_key IS NOT NULL";
/// What the device says it is counts at once, and when it was seen when that is news; never an older sighting than the
/// row has. Without a User-Agent header the one of before stays.
pub(super) const NOTE: &str = "UPDATE device SET device_type = ?3, user_agent = coalesce(?4, user_agent),
    protocol_version = ?5, last_seen_at = ?6 WHERE user = ?1 AND device_id = ?2 AND last_seen_at <= ?6
    AND (last_seen_at <= ?7 OR device_type <> ?3 OR user_agent IS NOT coalesce(?4, user_agent) OR protocol_version <> ?5)";
pub(super) const NEVER_ACKNOWLEDGED: &str = "SELECT rowid FROM device WHERE first_seen_at < ?1 AND provisioned_key IS NULL
    AND acknowledgment_at IS NULL AND wipe_kind IS NULL AND access_state IS NULL LIMIT ?2";

/// One device.
pub(super) fn one(connection: &Connection, device: &DeviceKey) -> Result<Option<StoredDevice>> {
    let mut statement = connection.prepare_cached(&STATEMENTS.one)?;
    let mut rows = statement.query([device.user.as_str(), device.device_id.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    read(&mut Cells::new(&DEVICE, row)).map(Some)
}

/// How many other acknowledged devices of the user were admitted before this one; all, when it is not admitted yet.
pub(super) fn acknowledged_before(
    connection: &Connection,
    device: &DeviceKey,
    first_seen_at: Option<Timestamp>,
) -> Result<u32> {
    let user = device.user.as_str();
    let count = match first_seen_at {
        Some(at) => connection
            .prepare_cached(ACKNOWLEDGED_BEFORE)?
            .query_row(params![user, microseconds(at), device.device_id.as_str()], |row| row.get::<_, i64>(0))?,
        None => connection.prepare_cached(ACKNOWLEDGED)?.query_row([user], |row| row.get::<_, i64>(0))?,
    };
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Keeps a record, if the row still has this revision.
pub(super) fn save(
    write: &Write<'_>,
    revision: u64,
    record: &DeviceRecord,
    events: &[Event],
    now: Timestamp,
) -> Result<Saved> {
    let mut values = values(record);
    let rows = if revision == 0 {
        values.push(microseconds(record.first_seen_at));
        // A device that was forgotten and comes back must not meet the revisions it had before: somebody may still be
        // deciding by one. The sequence of changes never goes back, and grows with every revision of every row.
        values.push(ToSqlOutput::from(change::signed(change::newest(write.connection)?) + 1));
        write.connection.prepare_cached(&STATEMENTS.insert)?.execute(params_from_iter(values))?
    } else {
        values.push(ToSqlOutput::from(change::signed(revision)));
        write.connection.prepare_cached(&STATEMENTS.update)?.execute(params_from_iter(values))?
    };
    if rows == 0 {
        return Ok(Saved::Conflict);
    }
    for event in events {
        event::append(write, &record.device, event, now)?;
    }
    change::record(write, &ChangeKind::Device(record.device.clone()))?;
    Ok(Saved::Saved)
}

/// Writes down that devices were seen, and what they were refused.
pub(super) fn note(write: &Write<'_>, sightings: &[Sighting]) -> Result<()> {
    for sighting in sightings {
        let stale = sighting.at.saturating_sub(limits::LAST_SEEN_EXACT_TO).unwrap_or(Timestamp::MIN);
        write.connection.prepare_cached(NOTE)?.execute(params![
            sighting.device.user.as_str(),
            sighting.device.device_id.as_str(),
            sighting.device_type.as_str(),
            sighting.user_agent,
            sighting.protocol_version.as_str(),
            microseconds(sighting.at),
            microseconds(stale),
        ])?;
        for refusal in &sighting.refusals {
            event::append(write, &sighting.device, refusal, sighting.at)?;
        }
    }
    Ok(())
}

/// Forgets a device; `false` when there is none.
pub(super) fn forget(write: &Write<'_>, device: &DeviceKey) -> Result<bool> {
    let deleted = write
        .connection
        .prepare_cached("DELETE FROM device WHERE user = ?1 AND device_id = ?2")?
        .execute([device.user.as_str(), device.device_id.as_str()])?;
    if deleted > 0 {
        change::record(write, &ChangeKind::Device(device.clone()))?;
    }
    Ok(deleted > 0)
}

/// Drops at most `most` devices that never acknowledged, and says how many.
pub(super) fn drop_never_acknowledged(write: &Write<'_>, admitted_before: Timestamp, most: u32) -> Result<u32> {
    let mut rows = Vec::new();
    {
        let mut statement = write.connection.prepare_cached(NEVER_ACKNOWLEDGED)?;
        let mut found = statement.query(params![microseconds(admitted_before), most])?;
        while let Some(row) = found.next()? {
            rows.push(row.get::<_, i64>(0)?);
        }
    }
    let mut dropped = 0;
    for rowid in rows {
        let device: Option<(String, String)> = write
            .connection
            .prepare_cached("DELETE FROM device WHERE rowid = ?1 RETURNING user, device_id")?
            .query_row([rowid], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        dropped += 1;
        // A name that cannot be one is known to nobody.
        let Some((user, device_id)) = device else { continue };
        if let (Ok(user), Ok(device_id)) = (UserName::new(&user), DeviceId::new(&device_id)) {
            change::record(write, &ChangeKind::Device(DeviceKey { user, device_id }))?;
        }
    }
    Ok(dropped)
}

/// Reads a row.
pub(super) fn read(cells: &mut Cells<'_>) -> Result<StoredDevice> {
    let user = cells.text(|text| UserName::new(text).ok().filter(|user| user.as_str() == text))?;
    let device_id = cells.text(|text| DeviceId::new(text).ok())?;
    let record = DeviceRecord {
        device: DeviceKey { user, device_id },
        device_type: cells.text(|text| DeviceType::new(text).ok())?,
        user_agent: cells.value()?,
        protocol_version: cells.text(|text| text.parse::<ProtocolVersion>().ok())?,
        offer: offer(cells)?,
        provisioned: provisioned(cells)?,
        acknowledgment: acknowledgment(cells)?,
        wipe: wipe(cells)?,
        access: access(cells)?,
        device_information: DeviceInformation {
            model: cells.value()?,
            imei: cells.value()?,
            friendly_name: cells.value()?,
            os: cells.value()?,
            os_language: cells.value()?,
            phone_number: cells.value()?,
            user_agent: cells.value()?,
            mobile_operator: cells.value()?,
            enable_outbound_sms: cells.optional_flag()?,
        },
        first_seen_at: cells.time()?,
    };
    let last_seen_at = cells.time()?;
    let revision: i64 = cells.value()?;
    match u64::try_from(revision) {
        Ok(revision @ 1..) => Ok(StoredDevice { record, revision, last_seen_at }),
        _ => Err(cells.damaged(&format!("{revision}, expected 1 or more"))),
    }
}

/// The policy's three columns beside a key: fingerprint, name, time.
type Document = (Option<Fingerprint>, Option<PolicyName>, Option<Timestamp>);

fn policy_key(cells: &mut Cells<'_>) -> Result<Option<PolicyKey>> {
    let Some(number) = cells.value::<Option<i64>>()? else { return Ok(None) };
    match u32::try_from(number).ok().and_then(PolicyKey::new) {
        Some(key) => Ok(Some(key)),
        // The number is not repeated: it may be a key, nearly.
        None => Err(cells.damaged("something that is no policy key")),
    }
}

fn document(cells: &mut Cells<'_>) -> Result<Document> {
    let fingerprint = match cells.value::<Option<Vec<u8>>>()? {
        None => None,
        Some(bytes) => match <[u8; 32]>::try_from(bytes) {
            Ok(bytes) => Some(Fingerprint::from_bytes(bytes)),
            Err(bytes) => return Err(cells.damaged(&format!("{} bytes, expected 32", bytes.len()))),
        },
    };
    Ok((fingerprint, cells.optional_text(|text| PolicyName::new(text).ok())?, cells.optional_time()?))
}

fn offer(cells: &mut Cells<'_>) -> Result<Option<Offer>> {
    match (policy_key(cells)?, document(cells)?) {
        (None, (None, None, None)) => Ok(None),
        (Some(key), (Some(fingerprint), Some(policy), Some(offered_at))) => {
            Ok(Some(Offer { key: TemporaryKey::new(key), fingerprint, policy, offered_at }))
        }
        _ => Err(cells.broken("half an offer")),
    }
}

fn provisioned(cells: &mut Cells<'_>) -> Result<Option<Provisioned>> {
    match (policy_key(cells)?, document(cells)?) {
        (None, (None, None, None)) => Ok(None),
        (Some(key), (Some(fingerprint), Some(policy), Some(acknowledged_at))) => {
            Ok(Some(Provisioned { key: PermanentKey::restore(key), fingerprint, policy, acknowledged_at }))
        }
        _ => Err(cells.broken("half an acknowledged policy")),
    }
}

fn acknowledgment(cells: &mut Cells<'_>) -> Result<Option<Acknowledgment>> {
    let status = match cells.value::<Option<i64>>()? {
        None => None,
        Some(code) => match u16::try_from(code).ok().and_then(AcknowledgmentStatus::from_code) {
            Some(status) => Some(status),
            None => return Err(cells.damaged(&format!("{code}, expected 1 to 4"))),
        },
    };
    match (status, cells.optional_flag()?, cells.optional_time()?) {
        (None, None, None) => Ok(None),
        (Some(status), Some(accepted), Some(at)) => Ok(Some(Acknowledgment { status, accepted, at })),
        _ => Err(cells.broken("half an acknowledgment")),
    }
}

fn wipe(cells: &mut Cells<'_>) -> Result<Option<WipeOrder>> {
    let kind = cells.optional_text(WipeKind::parse)?;
    let state = cells.optional_text(WipeState::parse)?;
    let (reason, requested_at, requested_by) = (cells.value()?, cells.optional_time()?, cells.value()?);
    let (sent_at, acknowledged_at) = (cells.optional_time()?, cells.optional_time()?);
    match (kind, state, reason, requested_at, requested_by) {
        (None, None, None, None, None) if sent_at.is_none() && acknowledged_at.is_none() => Ok(None),
        (Some(kind), Some(state), Some(reason), Some(requested_at), Some(requested_by)) => {
            Ok(Some(WipeOrder { kind, state, reason, requested_at, requested_by, sent_at, acknowledged_at }))
        }
        _ => Err(cells.broken("half a wipe order")),
    }
}

fn access(cells: &mut Cells<'_>) -> Result<Option<PersonalAccess>> {
    match (cells.optional_text(AccessState::parse)?, cells.value()?, cells.value()?) {
        (None, None, None) => Ok(None),
        (Some(state), Some(reason), Some(decided_by)) => Ok(Some(PersonalAccess { state, reason, decided_by })),
        _ => Err(cells.broken("half a decision about access")),
    }
}

/// The record's columns.
fn values(record: &DeviceRecord) -> Vec<ToSqlOutput<'_>> {
    let text = |text: Option<&'_ str>| text.map_or(ToSqlOutput::from(Null), ToSqlOutput::from);
    let number = |number: Option<i64>| number.map_or(ToSqlOutput::from(Null), ToSqlOutput::from);
    let time = |time: Option<Timestamp>| time.map_or(ToSqlOutput::from(Null), microseconds);
    let (offer, provisioned) = (record.offer.as_ref(), record.provisioned.as_ref());
    let (acknowledgment, wipe, access) = (record.acknowledgment, record.wipe.as_ref(), record.access.as_ref());
    let information = &record.device_information;
    let mut values = Vec::with_capacity(DEVICE.columns.len());
    values.extend([
        text(Some(record.device.user.as_str())),
        text(Some(record.device.device_id.as_str())),
        text(Some(record.device_type.as_str())),
        text(record.user_agent.as_deref()),
        text(Some(record.protocol_version.as_str())),
        number(offer.map(|offer| offer.key.key().value().into())),
        offer.map_or(ToSqlOutput::from(Null), |offer| ToSqlOutput::from(offer.fingerprint.as_bytes().as_slice())),
        text(offer.map(|offer| offer.policy.as_str())),
        time(offer.map(|offer| offer.offered_at)),
        number(provisioned.map(|provisioned| provisioned.key.key().value().into())),
        provisioned.map_or(ToSqlOutput::from(Null), |it| ToSqlOutput::from(it.fingerprint.as_bytes().as_slice())),
        text(provisioned.map(|provisioned| provisioned.policy.as_str())),
        time(provisioned.map(|provisioned| provisioned.acknowledged_at)),
        number(acknowledgment.map(|acknowledgment| acknowledgment.status.code().into())),
        number(acknowledgment.map(|acknowledgment| acknowledgment.accepted.into())),
        time(acknowledgment.map(|acknowledgment| acknowledgment.at)),
        text(wipe.map(|wipe| wipe.kind.as_str())),
        text(wipe.map(|wipe| wipe.state.as_str())),
        text(wipe.map(|wipe| wipe.reason.as_str())),
        time(wipe.map(|wipe| wipe.requested_at)),
        text(wipe.map(|wipe| wipe.requested_by.as_str())),
        time(wipe.and_then(|wipe| wipe.sent_at)),
        time(wipe.and_then(|wipe| wipe.acknowledged_at)),
        text(access.map(|access| access.state.as_str())),
        text(access.map(|access| access.reason.as_str())),
        text(access.map(|access| access.decided_by.as_str())),
        text(information.model.as_deref()),
        text(information.imei.as_deref()),
        text(information.friendly_name.as_deref()),
        text(information.os.as_deref()),
        text(information.os_language.as_deref()),
        text(information.phone_number.as_deref()),
        text(information.user_agent.as_deref()),
        text(information.mobile_operator.as_deref()),
        number(information.enable_outbound_sms.map(i64::from)),
        time(Some(record.first_seen_at)),
    ]);
    values
}
