//! A row of the table `device`: the columns, and the way from a row to a record and back.

use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::message::{AcknowledgmentStatus, DeviceInformation, WipeKind};
use asprov_protocol::policy::{Fingerprint, PolicyName};
use asprov_protocol::policy_key::{PermanentKey, PolicyKey, TemporaryKey};
use asprov_protocol::server::{
    AccessState, Acknowledgment, DeviceRecord, Offer, PersonalAccess, Provisioned, WipeOrder, WipeState,
};
use asprov_protocol::version::ProtocolVersion;
use jiff::Timestamp;
use rusqlite::types::{Null, ToSqlOutput};

use super::cells::{Cells, Table, microseconds};
use super::fault::Result;
use crate::StoredDevice;

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
        "last_passed_at",
    ],
};

/// How many of the columns are the record's.
pub(super) const RECORD: usize = 36;

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
    let Ok(revision @ 1..) = u64::try_from(revision) else {
        return Err(cells.damaged(&format!("{revision}, expected 1 or more")));
    };
    Ok(StoredDevice { record, revision, last_seen_at, last_passed_at: cells.optional_time()? })
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

/// The record's columns, the first [`RECORD`] of the table.
pub(super) fn values(record: &DeviceRecord) -> Vec<ToSqlOutput<'_>> {
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
        fingerprint(offer.map(|offer| &offer.fingerprint)),
        text(offer.map(|offer| offer.policy.as_str())),
        time(offer.map(|offer| offer.offered_at)),
        number(provisioned.map(|provisioned| provisioned.key.key().value().into())),
        fingerprint(provisioned.map(|provisioned| &provisioned.fingerprint)),
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

fn text(text: Option<&str>) -> ToSqlOutput<'_> {
    text.map_or(ToSqlOutput::from(Null), ToSqlOutput::from)
}

fn number(number: Option<i64>) -> ToSqlOutput<'static> {
    number.map_or(ToSqlOutput::from(Null), ToSqlOutput::from)
}

fn time(time: Option<Timestamp>) -> ToSqlOutput<'static> {
    time.map_or(ToSqlOutput::from(Null), microseconds)
}

fn fingerprint(fingerprint: Option<&Fingerprint>) -> ToSqlOutput<'_> {
    fingerprint.map_or(ToSqlOutput::from(Null), |fingerprint| fingerprint.as_bytes().as_slice().into())
}
