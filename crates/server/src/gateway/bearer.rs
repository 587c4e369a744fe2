//! Bearer tokens (RFC 6750): who a token is about. Its signature is checked with the issuer's public keys, which are found
//! through the issuer's configuration (OpenID Connect Discovery 1.0, 4) and fetched again once an hour, or when a token
//! names a key that is not among them. Whether the token still counts is the upstream's to say, as for a password.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::settings::BearerSettings;
use super::upstream::Upstreams;
use crate::clock::now;

/// Largest document of an issuer, in bytes: key sets have some 10 KiB.
const DOCUMENT: usize = 256 * 1024;
/// How long the keys of an issuer are used before they are fetched again.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// How long nothing is fetched after an attempt, whoever asks.
const PAUSE: Duration = Duration::from_secs(30);
/// How far the clocks of issuer and gateway may be apart, in seconds.
const APART: i64 = 60;

/// Signatures that prove who wrote a token. Those with a shared secret are not among them, nor is `none`.
const SIGNATURES: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Reads the tokens of one issuer.
pub(super) struct Bearer {
    settings: BearerSettings,
    upstreams: Arc<Upstreams>,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    set: Option<JwkSet>,
    fetched_at: Option<Instant>,
    tried_at: Option<Instant>,
}

/// Who a token is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BearerVerdict {
    /// The value of the claim.
    Name(String),
    /// It is no token of this issuer, or its time is over.
    Refused,
    /// The issuer's keys are not known.
    Unclear,
}

#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

impl Bearer {
    pub(super) fn new(settings: &BearerSettings, upstreams: Arc<Upstreams>) -> Self {
        Self { settings: settings.clone(), upstreams, keys: Mutex::default() }
    }

    /// Who the token is about, if it is one of the issuer's and its time is not over.
    pub(super) async fn name_in(&self, token: &str) -> BearerVerdict {
        let Ok(header) = decode_header(token) else { return BearerVerdict::Refused };
        if !SIGNATURES.contains(&header.alg) {
            return BearerVerdict::Refused;
        }
        let key = match self.key(header.kid.as_deref()).await {
            Ok(Some(key)) => key,
            Ok(None) => return BearerVerdict::Refused,
            Err(fault) => {
                tracing::warn!("the keys of the issuer cannot be had: {fault}");
                return BearerVerdict::Unclear;
            }
        };
        let claims = DecodingKey::from_jwk(&key).ok().and_then(|key| {
            let mut validation = Validation::new(header.alg);
            // The clock is asked in one place of this crate.
            validation.validate_exp = false;
            validation.validate_nbf = false;
            validation.set_issuer(&[&self.settings.issuer]);
            validation.set_required_spec_claims(&["exp", "iss"]);
            match &self.settings.audience {
                Some(audience) => {
                    validation.set_audience(&[audience]);
                    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
                }
                None => validation.validate_aud = false,
            }
            decode::<BTreeMap<String, Value>>(token, &key, &validation).ok()
        });
        let name = claims.and_then(|token| self.name_of(&token.claims));
        name.map_or(BearerVerdict::Refused, BearerVerdict::Name)
    }

    fn name_of(&self, claims: &BTreeMap<String, Value>) -> Option<String> {
        let now = now().as_second();
        let seconds = |name: &str| {
            let value = claims.get(name)?;
            value.as_i64().or_else(|| value.as_f64().and_then(whole))
        };
        if seconds("exp")?.saturating_add(APART) <= now {
            return None;
        }
        if claims.contains_key("nbf") && seconds("nbf")?.saturating_sub(APART) > now {
            return None;
        }
        claims.get(&self.settings.claim)?.as_str().map(str::to_owned)
    }

    /// The key of this name, or the only one when the token names none.
    async fn key(&self, name: Option<&str>) -> Result<Option<Jwk>, String> {
        let mut keys = self.keys.lock().await;
        let find = |set: &JwkSet| match name {
            Some(name) => set.find(name).cloned(),
            None => set.keys.first().filter(|_| set.keys.len() == 1).cloned(),
        };
        let fresh = keys.fetched_at.is_some_and(|at| at.elapsed() < KEPT);
        let found = keys.set.as_ref().and_then(find);
        let paused = keys.tried_at.is_some_and(|at| at.elapsed() < PAUSE);
        if (fresh && found.is_some()) || (paused && keys.set.is_some()) {
            return Ok(found);
        }
        if paused {
            return Err("they could not be fetched a moment ago".to_owned());
        }
        keys.tried_at = Some(Instant::now());
        match self.fetch_keys().await {
            Ok(set) => {
                let found = find(&set);
                keys.set = Some(set);
                keys.fetched_at = keys.tried_at;
                Ok(found)
            }
            // Keys that were good an hour ago are better than nobody's mail.
            Err(fault) if found.is_some() => {
                tracing::warn!("the keys of the issuer are not fetched anew: {fault}");
                Ok(found)
            }
            Err(fault) => Err(fault),
        }
    }

    async fn fetch_keys(&self) -> Result<JwkSet, String> {
        let issuer = self.settings.issuer.trim_end_matches('/');
        let configuration: Configuration = self.fetch(&format!("{issuer}/.well-known/openid-configuration")).await?;
        if configuration.issuer != self.settings.issuer {
            return Err("its configuration is that of another issuer".to_owned());
        }
        self.fetch(&configuration.jwks_uri).await
    }

    async fn fetch<T: for<'a> Deserialize<'a>>(&self, address: &str) -> Result<T, String> {
        let address: super::DocumentUrl =
            address.parse().map_err(|error: super::DocumentUrlError| error.to_string())?;
        let response = self.upstreams.fetch(address.into_uri()).await.map_err(|fault| fault.to_string())?;
        if response.status() != http::StatusCode::OK {
            return Err(format!("HTTP {}", response.status().as_u16()));
        }
        let body =
            tokio::time::timeout(Duration::from_secs(10), Limited::new(response.into_body(), DOCUMENT).collect());
        let body = body.await.map_err(|_| "it did not arrive in time".to_owned())?;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        serde_json::from_slice(&body).map_err(|error| format!("it is no such document: {error}"))
    }
}

/// Seconds that were written with a fraction.
fn whole(seconds: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float keeps to the ends of the range")]
    seconds.is_finite().then_some(seconds as i64)
}
