//! The table `device_proof`: keyed hashes of the credentials that were accepted last, outside the device's revision.

use asprov_protocol::device::DeviceKey;
use asprov_protocol::policy_key::{PermanentKey, PolicyKey};
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Result;
use super::writer::Write;
use crate::{CredentialDigest, Proofs};

/// What a refused sign-in looks at: nothing of the wipe, so that no time it takes depends on one.
pub(super) const ONE: &str = "SELECT device.provisioned_key, device_proof.credentials FROM device
    LEFT JOIN device_proof ON device_proof.user = device.user AND device_proof.device_id = device.device_id
    WHERE device.user = ?1 AND device.device_id = ?2";
/// Only a device with a row gets one here, and only what is new is written.
pub(super) const KEEP: &str = "INSERT INTO device_proof (user, device_id, credentials)
    SELECT user, device_id, ?3 FROM device WHERE user = ?1 AND device_id = ?2
    ON CONFLICT (user, device_id) DO UPDATE SET credentials = excluded.credentials
    WHERE credentials <> excluded.credentials";
pub(super) const IS_KEPT: &str = "SELECT 1 FROM device_proof WHERE user = ?1 AND device_id = ?2 AND credentials = ?3";

/// What a device can prove itself by. What makes no sense proves nothing.
pub(super) fn one(connection: &Connection, device: &DeviceKey) -> Result<Proofs> {
    let mut statement = connection.prepare_cached(ONE)?;
    let found = statement
        .query_row([device.user.as_str(), device.device_id.as_str()], |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<Vec<u8>>>(1)?))
        })
        .optional()?;
    let Some((key, credentials)) = found else { return Ok(Proofs::default()) };
    Ok(Proofs {
        known: true,
        credentials: credentials.and_then(|bytes| bytes.try_into().ok()).map(CredentialDigest::from_bytes),
        permanent_key: key
            .and_then(|number| u32::try_from(number).ok())
            .and_then(PolicyKey::new)
            .map(PermanentKey::restore),
    })
}

/// Keeps the digests of the devices that have a row, and says which have none.
pub(super) fn keep(write: &Write<'_>, accepted: &[(DeviceKey, CredentialDigest)]) -> Result<Vec<DeviceKey>> {
    let mut unknown = Vec::new();
    for (device, digest) in accepted {
        let (user, device_id, bytes) = (device.user.as_str(), device.device_id.as_str(), digest.as_bytes().as_slice());
        if write.connection.prepare_cached(IS_KEPT)?.exists(params![user, device_id, bytes])? {
            continue;
        }
        if write.connection.prepare_cached(KEEP)?.execute(params![user, device_id, bytes])? == 0 {
            unknown.push(device.clone());
        }
    }
    Ok(unknown)
}
