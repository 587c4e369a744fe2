//! A wipe still arrives after the account was disabled or its password changed.
//!
//! A phone whose sign-in is refused may prove that it is the device it says it is: by the credentials that were accepted
//! from it last, or by the permanent policy key it was given. That opens the wipe conversation ([MS-ASPROV] 3.2.5.1.2.2)
//! while a wipe is due, and nothing else.
//!
//! What a stranger sees is HTTP 401, whether a wipe is due or not: both proofs are compared in constant time, in one look
//! at the store that leaves the wipe out, and the wipe is looked at only afterwards. After ten misses an hour nobody looks.
//!
//! What was accepted is kept as HMAC-SHA-256 under a key outside the store, gathered here and written once a second, and
//! only when it is news.
//!
//! Without that key all of this is switched off: no credentials are kept and nothing opens. Who it was that was refused is
//! looked at all the same, in the same steps, so that the history can say it; the policy key is the only proof then.

mod misses;
pub(crate) mod secret_key;

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use asprov_protocol::device::DeviceKey;
use asprov_protocol::http::Command;
use asprov_protocol::policy_key::{PermanentKey, RequestKey};
use asprov_protocol::server::{Event, RefusedSignIn};
use asprov_protocol::status::{Scope, Status};
use asprov_store::{CredentialDigest, Proofs, Store};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use jiff::Timestamp;
use quick_cache::sync::Cache;
use sha2::Sha256;

use self::misses::Misses;
use self::secret_key::SecretKey;
use crate::clock::now;
use crate::limits::Limits;
use crate::sign_in::{BearerToken, Credentials};

/// What was accepted from whom, and who tried in vain.
pub(crate) struct WipeAfterDisable {
    /// `None` when the conversation is switched off: no credentials are kept then.
    key: Option<Hmac<Sha256>>,
    misses: Misses,
    /// What is in the store already, by its number.
    kept: Cache<DeviceKey, u64>,
    /// What a secret becomes a number by. It dies with the process.
    number: RandomState,
    waiting: Mutex<Waiting>,
    store_time: Duration,
    most_waiting: usize,
}

/// What waits to be written.
#[derive(Default)]
struct Waiting {
    credentials: BTreeMap<DeviceKey, Accepted>,
    events: Vec<(DeviceKey, Event, Timestamp)>,
}

/// Credentials that were accepted: for the store, and to know them again.
#[derive(Clone, Copy)]
struct Accepted {
    digest: CredentialDigest,
    number: u64,
}

/// What was sent.
#[derive(Clone, Copy, Hash)]
enum Sent<'a> {
    Password(&'a [u8]),
    Token(&'a [u8]),
}

/// What a refused sign-in shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// It is the device: these are the credentials that were accepted last, or the key it was given.
    ItIs,
    /// Nothing; the device is known, and its history says so.
    Refused,
    /// Nothing, and the device is not known, or nobody looked.
    None,
}

/// A refused sign-in, for the history.
pub(crate) struct Refused {
    pub(crate) who: RefusedSignIn,
    pub(crate) command: Command,
    /// What it was answered.
    pub(crate) answered: Option<(Scope, Status)>,
}

impl WipeAfterDisable {
    /// Switched on with a key, and off without one.
    pub(crate) fn new(key: Option<&SecretKey>, limits: &Limits) -> Self {
        let key = key.map(|key| {
            // HMAC fills a shorter key up with zeros itself (RFC 2104).
            let mut block = [0; 64];
            block.iter_mut().zip(key.bytes()).for_each(|(place, byte)| *place = *byte);
            Hmac::new(&block.into())
        });
        let kept = Cache::new(limits.recently_seen);
        Self {
            key,
            misses: Misses::new(),
            kept,
            number: RandomState::new(),
            waiting: Mutex::default(),
            store_time: limits.store_time,
            most_waiting: limits.sightings,
        }
    }

    /// Whether a wipe conversation opens to a device that is refused.
    pub(crate) const fn opens(&self) -> bool {
        self.key.is_some()
    }

    /// Credentials were accepted from this device: these, or the token in the headers.
    pub(crate) fn accepted(&self, device: &DeviceKey, credentials: Option<&Credentials>, headers: &HeaderMap) {
        if device.device_id.is_pairing_probe() {
            return;
        }
        let Some(key) = &self.key else { return };
        let token = if credentials.is_some() { None } else { BearerToken::from_headers(headers) };
        let Some(sent) = Sent::of(credentials, token.as_ref()) else { return };
        let number = self.number.hash_one(sent);
        if self.kept.get(device) == Some(number) {
            return;
        }
        let mut waiting = self.waiting();
        if waiting.credentials.len() < self.most_waiting || waiting.credentials.contains_key(device) {
            let accepted = Accepted { digest: digest(key, device, sent), number };
            waiting.credentials.insert(device.clone(), accepted);
        }
    }

    /// The device has changed: if it was forgotten, its digest went with it, and the next one that is accepted is news.
    pub(crate) fn look_again_at(&self, device: &DeviceKey) {
        self.kept.remove(device);
    }

    /// Any device may have changed.
    pub(crate) fn look_again_at_all(&self) {
        self.kept.clear();
    }

    /// Whether whoever is refused is this device all the same.
    pub(crate) async fn proof(
        &self,
        store: &dyn Store,
        device: &DeviceKey,
        command: Command,
        policy_key: RequestKey,
        headers: &HeaderMap,
    ) -> Proof {
        let Some(attempt) = self.misses.begin(device) else { return Proof::None };
        let digest = self.key.as_ref().and_then(|key| {
            let (credentials, token) = (Credentials::from_headers(headers), BearerToken::from_headers(headers));
            Some(digest(key, device, Sent::of(credentials.as_ref(), token.as_ref())?))
        });
        let proofs = match tokio::time::timeout(self.store_time, store.proofs(device)).await {
            Ok(Ok(proofs)) => proofs,
            failed => {
                if let Ok(Err(error)) = failed {
                    tracing::error!("who is refused cannot be looked up: {error}");
                }
                // Nothing was compared.
                self.misses.take_back(device, &attempt);
                return Proof::None;
            }
        };
        if proves(&proofs, digest, policy_key) {
            self.misses.take_back(device, &attempt);
            return Proof::ItIs;
        }
        if attempt.is_last {
            tracing::warn!(%device, "ten requests in vain: nobody looks for the rest of the hour who sends them");
        }
        if !proofs.known {
            return Proof::None;
        }
        // Credentials that were kept before it was switched off cannot be compared.
        let compared = self.key.is_some() && proofs.credentials.is_some();
        let who = if compared { RefusedSignIn::Stranger } else { RefusedSignIn::Unproven };
        let refused = |who| Refused { who, command, answered: Some((Scope::Http, Status(401))) };
        self.tell(device, refused(who));
        if attempt.is_last {
            self.tell(device, refused(RefusedSignIn::LastStranger));
        }
        Proof::Refused
    }

    /// Keeps for the device's history that a sign-in was refused, and what was answered.
    pub(crate) fn tell(&self, device: &DeviceKey, Refused { who, command, answered }: Refused) {
        let mut event = Event { status: answered, ..Event::sign_in_refused(who).with_command(command) };
        if answered != Some((Scope::Http, Status(401))) {
            event.detail.push_str("; a wipe is due, and it was answered as that asks for");
        }
        let mut waiting = self.waiting();
        if waiting.events.len() < self.most_waiting {
            waiting.events.push((device.clone(), event, now()));
        }
    }

    /// Writes what waits. What the store does not take waits on.
    pub(crate) async fn write(&self, store: &dyn Store) {
        let Waiting { credentials, events } = std::mem::take(&mut *self.waiting());
        if !events.is_empty() {
            let fault = match tokio::time::timeout(self.store_time, store.tell(&events)).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("the store did not answer".to_owned()),
            };
            if let Some(fault) = fault {
                tracing::error!("refused sign-ins are not written down yet: {fault}");
                let mut waiting = self.waiting();
                let newer = std::mem::replace(&mut waiting.events, events);
                waiting.events.extend(newer);
                waiting.events.truncate(self.most_waiting);
            }
        }
        if credentials.is_empty() {
            return;
        }
        let digests: Vec<(DeviceKey, CredentialDigest)> =
            credentials.iter().map(|(device, accepted)| (device.clone(), accepted.digest)).collect();
        match tokio::time::timeout(self.store_time, store.keep_credentials(&digests)).await {
            Ok(Ok(unknown)) => {
                // A device that gets its row a moment later is asked for again.
                for (device, accepted) in credentials {
                    if !unknown.contains(&device) {
                        self.kept.insert(device, accepted.number);
                    }
                }
            }
            Ok(Err(error)) => {
                tracing::error!("accepted credentials are not kept yet: {error}");
                self.put_back(credentials);
            }
            Err(_) => self.put_back(credentials),
        }
    }

    fn put_back(&self, credentials: BTreeMap<DeviceKey, Accepted>) {
        let mut waiting = self.waiting();
        for (device, older) in credentials {
            waiting.credentials.entry(device).or_insert(older);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Sent<'a> {
    fn of(credentials: Option<&'a Credentials>, token: Option<&'a BearerToken>) -> Option<Self> {
        match credentials {
            Some(credentials) => Some(Self::Password(credentials.password())),
            None => token.map(|token| Self::Token(token.text().as_bytes())),
        }
    }
}

/// The keyed hash of what was sent, for this device only: two devices with one password have two.
fn digest(key: &Hmac<Sha256>, device: &DeviceKey, sent: Sent<'_>) -> CredentialDigest {
    let mut mac = key.clone();
    let mut part = |bytes: &[u8]| {
        // The length in front keeps the parts apart.
        mac.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        mac.update(bytes);
    };
    part(device.user.as_str().as_bytes());
    part(device.device_id.as_str().as_bytes());
    match sent {
        Sent::Password(password) => {
            part(b"password");
            part(password);
        }
        Sent::Token(token) => {
            part(b"token");
            part(token);
        }
    }
    CredentialDigest::from_bytes(mac.finalize().into_bytes().into())
}

/// Compares both proofs, all of each, whatever comes of the first.
fn proves(proofs: &Proofs, digest: Option<CredentialDigest>, key: RequestKey) -> bool {
    let kept = proofs.credentials.unwrap_or(CredentialDigest::from_bytes([0; 32]));
    let came = digest.unwrap_or(CredentialDigest::from_bytes([0; 32]));
    let differing = kept.as_bytes().iter().zip(came.as_bytes()).fold(0, |so_far, (kept, came)| so_far | (kept ^ came));
    let by_credentials = proofs.credentials.is_some() & digest.is_some() & (differing == 0);
    let issued = proofs.permanent_key.map_or(0, |key| PermanentKey::key(key).value());
    let came = match key {
        RequestKey::Key(key) => key.value(),
        RequestKey::Absent | RequestKey::Zero | RequestKey::Unusable => 0,
    };
    // No key that was ever issued is 0.
    let by_key = (issued != 0) & (issued ^ came == 0);
    by_credentials | by_key
}

#[cfg(test)]
mod tests {
    use asprov_protocol::policy_key::PolicyKey;

    use super::*;

    #[test]
    fn nothing_kept_proves_nothing() {
        let zero = CredentialDigest::from_bytes([0; 32]);
        for key in [RequestKey::Absent, RequestKey::Zero, RequestKey::Unusable] {
            assert!(!proves(&Proofs::default(), None, key));
            assert!(!proves(&Proofs::default(), Some(zero), key));
            assert!(!proves(&Proofs { known: true, credentials: Some(zero), permanent_key: None }, None, key));
        }
    }

    #[test]
    fn either_proof_will_do_and_a_bit_more_or_less_will_not() {
        let kept = Proofs {
            known: true,
            credentials: Some(CredentialDigest::from_bytes([7; 32])),
            permanent_key: PolicyKey::new(42).map(PermanentKey::restore),
        };
        let key = |number| PolicyKey::new(number).map_or(RequestKey::Zero, RequestKey::Key);
        assert!(proves(&kept, Some(CredentialDigest::from_bytes([7; 32])), RequestKey::Absent));
        assert!(proves(&kept, None, key(42)));
        assert!(!proves(&kept, None, key(43)));
        for place in 0..32 {
            let mut bytes = [7; 32];
            bytes[place] ^= 1;
            assert!(!proves(&kept, Some(CredentialDigest::from_bytes(bytes)), key(43)));
        }
    }
}
