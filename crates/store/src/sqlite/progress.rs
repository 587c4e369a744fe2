//! How far a policy has got with its devices, counted where they are.
//!
//! The statement says once more what `candidates`, `Share::holds` and `progress::Standing` say in Rust; the contract tests
//! compare the counts with those of the store in memory.

use asprov_protocol::device::{DeviceId, DeviceKey, UserName};
use asprov_protocol::policy::stage::{StageTarget, place};
use asprov_protocol::policy::{Policy, PolicyName};
use asprov_protocol::version::ProtocolVersion;
use jiff::Timestamp;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Null, ToSqlOutput};
use rusqlite::{Connection, params_from_iter};

use super::cells::microseconds;
use super::fault::Result;
use super::{policy, policy_stage, policy_version};
use crate::progress::Standing;
use crate::{DeviceCounts, PolicyProgress, StoredPolicy};

/// Makes `device_place(user, device_id)` known to a connection: [`place`], and 0 for what is no device.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("device_place", 2, flags, |context| {
        let user = context.get_raw(0).as_str().ok().and_then(|text| UserName::new(text).ok());
        let device_id = context.get_raw(1).as_str().ok().and_then(|text| DeviceId::new(text).ok());
        Ok(user.zip(device_id).map_or(0, |(user, device_id)| place(&DeviceKey { user, device_id })))
    })
}

/// What it takes to say how far a device is.
const COLUMNS: &str = "user, device_id, protocol_version, wipe_state, provisioned_key, provisioned_fingerprint,
    offer_fingerprint, acknowledgment_status, acknowledgment_accepted, acknowledgment_at, last_seen_at";

/// The policy whose assignment is nearest.
const NEAREST: &str = "coalesce(
    (SELECT policy FROM assignment WHERE target = 'device' AND user = d.user AND device_id = d.device_id),
    (SELECT policy FROM assignment WHERE target = 'user' AND user = d.user AND device_id = ''),
    (SELECT a.policy FROM user_group g JOIN assignment a ON a.target = 'group' AND a.user = '' AND a.device_id = ''
        AND a.group_name = g.name WHERE g.user = d.user ORDER BY a.priority, a.group_name LIMIT 1),
    (SELECT policy FROM assignment WHERE target = 'default' AND user = '' AND device_id = ''))";

/// Counts, by whether a device gets the staged form and how far it is.
pub(super) fn of(connection: &Connection, name: &PolicyName) -> Result<Option<PolicyProgress>> {
    let Some(StoredPolicy::Readable(present)) = policy::one(connection, name)? else { return Ok(None) };
    let staged = policy_stage::one(connection, name)?;
    let saved_at = policy_version::saved_at(connection, name)?;
    let staged_at = staged.as_ref().and_then(|stored| stored.author.as_ref().map(|author| author.at));
    let reports =
        present.rules.report_only || staged.as_ref().is_some_and(|stored| stored.stage.policy.rules.report_only);

    let mut parameters: Vec<ToSqlOutput<'_>> =
        vec![name.as_str().into(), time(saved_at), time(staged_at), reports.into()];
    let is_staged = match staged.as_ref().map(|stored| &stored.stage.target) {
        None => "0",
        Some(StageTarget::Group(group)) => {
            parameters.push(group.as_str().into());
            "EXISTS (SELECT 1 FROM user_group WHERE user = d.user AND name = ?5)"
        }
        Some(StageTarget::Share(share)) => {
            parameters.push((i64::from(share.percent()) * 100).into());
            "device_place(d.user, d.device_id) < ?5"
        }
    };
    let forms: [Option<&Policy>; 2] = [Some(&present), staged.as_ref().map(|stored| &stored.stage.policy)];
    let mut wanted = Vec::new();
    for (form, policy) in forms.into_iter().enumerate() {
        let Some(policy) = policy else { continue };
        for version in ProtocolVersion::ALL {
            let fingerprint = policy.document.fingerprint(version).as_bytes().to_vec();
            parameters.extend([version.as_str().into(), fingerprint.into()]);
            wanted.push(format!("(?{}, {form}, ?{})", parameters.len() - 1, parameters.len()));
        }
    }
    let sql = format!(
        "WITH wanted (version, staged, fingerprint) AS (VALUES {wanted}),
        mine AS MATERIALIZED (SELECT {COLUMNS}, {is_staged} AS staged FROM device d WHERE {NEAREST} = ?1),
        judged AS (SELECT mine.*, fingerprint, CASE mine.staged WHEN 0 THEN ?2 ELSE ?3 END AS since
            FROM mine LEFT JOIN wanted ON version = protocol_version AND wanted.staged = mine.staged)
        SELECT staged, CASE
            WHEN wipe_state IN ('pending', 'sent', 'failed', 'acknowledged') THEN 'wiping'
            WHEN provisioned_fingerprint = fingerprint THEN CASE acknowledgment_status
                WHEN 2 THEN 'partial' WHEN 3 THEN 'not_applied' WHEN 4 THEN 'externally_managed' ELSE 'provisioned' END
            WHEN acknowledgment_accepted = 0 AND (since IS NULL OR acknowledgment_at >= since)
                AND provisioned_key IS NULL THEN 'refused'
            WHEN offer_fingerprint = fingerprint THEN 'offered'
            WHEN since IS NULL OR last_seen_at >= since THEN 'waiting'
            ELSE 'not_seen' END AS standing,
        count(*),
        sum(?4 AND EXISTS (SELECT 1 FROM event WHERE event.user = judged.user AND event.device_id = judged.device_id
            AND kind = 'would_be_refused' AND (since IS NULL OR last_at >= since)))
        FROM judged GROUP BY 1, 2",
        wanted = wanted.join(", ")
    );
    let mut progress = PolicyProgress {
        staged: staged.as_ref().map(|_| DeviceCounts::default()),
        saved_at,
        staged_at,
        ..PolicyProgress::default()
    };
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(parameters))?;
    while let Some(row) = rows.next()? {
        let (is_staged, word, devices, reported): (bool, String, i64, i64) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let Some(standing) = Standing::ALL.into_iter().find(|standing| standing.as_str() == word) else { continue };
        let counts = progress.staged.as_mut().filter(|_| is_staged).unwrap_or(&mut progress.present);
        counts.add(standing, devices.unsigned_abs(), reported.unsigned_abs());
    }
    Ok(Some(progress))
}

fn time(at: Option<Timestamp>) -> ToSqlOutput<'static> {
    at.map_or_else(|| Null.into(), microseconds)
}
