//! Sign-in by the upstream: before asprov answers a device itself, or writes it down, the device's Authorization goes to
//! the upstream with OPTIONS, and the upstream's answer is the judgement.
//!
//! That is worth something only while the upstream refuses what is wrong. So at start, and every hour, it is sent
//! credentials that nobody has; unless it answers 401, nobody signs in and the gateway is not ready. Credentials that
//! were judged are known for minutes, under a keyed hash, and forgotten at the first 401 of any answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use asprov_protocol::device::UserName;
use asprov_protocol::http::Options;
use async_trait::async_trait;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::bearer::{Bearer, BearerVerdict};
use super::fault::UpstreamFault;
use super::location::{Locations, Sent, sent};
use super::settings::{GatewayLimits, GatewaySettings};
use super::upstream::{UpstreamIndex, Upstreams};
use crate::readiness::Readiness;
use crate::sign_in::cache::{Digest, Judged, JudgedCredentials};
use crate::sign_in::failures::Failures;
use crate::sign_in::{BearerToken, Credentials, SignIn, Verdict};

/// What stands in the way while invented credentials are not refused.
const TOPIC: &str = "sign-in";

/// Asks the upstream who somebody is.
pub(crate) struct UpstreamSignIn {
    upstreams: Arc<Upstreams>,
    locations: Arc<Locations>,
    judged: JudgedCredentials,
    failures: Arc<Failures>,
    questions: Semaphore,
    /// Whether the upstream was seen to refuse invented credentials.
    usable: Arc<AtomicBool>,
    readiness: Readiness,
    domains: Vec<String>,
    bearer: Option<Bearer>,
    /// Who judges names and passwords in place of the upstream.
    users: Option<Arc<dyn SignIn>>,
    limits: GatewayLimits,
}

/// The operating system gave no random bytes, so nothing can be kept under a keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct NoRandomBytes;

/// What the upstream says to credentials.
enum Answer {
    Accepted(UpstreamIndex),
    Refused,
    /// Nobody can say: why.
    Unclear(String),
}

impl UpstreamSignIn {
    pub(super) fn new(
        settings: &GatewaySettings,
        upstreams: Arc<Upstreams>,
        locations: Arc<Locations>,
        readiness: Readiness,
        users: Option<Arc<dyn SignIn>>,
        kept: Option<&Self>,
    ) -> Result<Self, NoRandomBytes> {
        let limits = settings.limits.clone();
        let mut key = [0; 64];
        getrandom::fill(&mut key).map_err(|_| NoRandomBytes)?;
        let usable = kept.map_or_else(Arc::default, |kept| Arc::clone(&kept.usable));
        if users.is_some() {
            readiness.clear(TOPIC);
        } else if !usable.load(Ordering::SeqCst) {
            readiness.report(TOPIC, "the upstream has not been seen to refuse wrong credentials yet", None);
        }
        Ok(Self {
            bearer: settings.bearer.as_ref().map(|bearer| Bearer::new(bearer, Arc::clone(&upstreams))),
            upstreams,
            locations,
            // Whose they are depends on what a name is taken for.
            judged: match kept.filter(|kept| kept.domains == settings.domains) {
                Some(kept) => kept.judged.clone(),
                None => JudgedCredentials::new(key, limits.known, limits.accepted_for, limits.refused_for),
            },
            failures: match kept {
                Some(kept) => Arc::clone(&kept.failures),
                None => Arc::new(Failures::new(limits.failures, Duration::from_secs(60), 10_000)),
            },
            questions: Semaphore::new(limits.questions),
            usable,
            readiness,
            domains: settings.domains.clone(),
            users,
            limits,
        })
    }

    /// The user of a name, as it was sent.
    pub(super) fn user(&self, name: &str) -> Option<UserName> {
        UserName::from_sign_in(name, self.domains.iter().map(String::as_str)).ok()
    }

    /// The name in a token of the known issuer.
    pub(super) async fn name_in_token(&self, token: &BearerToken) -> Option<String> {
        match self.bearer.as_ref()?.name_in(token.text()).await {
            BearerVerdict::Name(name) => Some(name),
            BearerVerdict::Refused | BearerVerdict::Unclear => None,
        }
    }

    /// The upstream has answered 401 to this header.
    pub(super) fn refused_later(&self, authorization: HeaderValue) {
        let headers = &with(authorization);
        if let Some(credentials) = Credentials::from_headers(headers) {
            self.judged.forget(self.judged.digest(&credentials));
        } else if let Some(token) = BearerToken::from_headers(headers) {
            self.judged.forget(self.judged.digest_of_token(&token));
        }
    }

    /// Makes sure for the first time, unless it is known.
    pub(super) async fn check_first(&self) {
        if (self.users.is_none() || self.bearer.is_some()) && !self.usable.load(Ordering::SeqCst) {
            self.check().await;
        }
    }

    /// Makes sure, at start and from time to time, that the upstream refuses what nobody has; for ever.
    pub(super) async fn check_for_ever(&self) {
        if self.users.is_some() && self.bearer.is_none() {
            return std::future::pending().await;
        }
        loop {
            let sure = self.check().await;
            sleep(if sure { self.limits.check_every } else { self.limits.check_again }).await;
        }
    }

    /// Sends invented credentials; `true` when the upstream refused them.
    async fn check(&self) -> bool {
        let invented = || {
            let mut bytes = [0_u8; 24];
            getrandom::fill(&mut bytes).ok()?;
            let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            Credentials::new(format!("asprov-check-{}", text.get(..16)?), text.get(16..)?).to_header()
        };
        let Some(authorization) = invented() else { return false };
        let answered = self.upstreams.options(UpstreamIndex::FIRST, with(authorization)).await;
        let status = match answered {
            Ok(response) => response.status().as_u16(),
            Err(fault) => {
                // Whether it refuses is not known anew; who cannot be asked lets nobody in either.
                tracing::warn!("whether the upstream refuses wrong credentials could not be seen: {fault}");
                return false;
            }
        };
        if status == 401 {
            if !self.usable.swap(true, Ordering::SeqCst) {
                tracing::info!("the upstream refuses wrong credentials, so it can judge who signs in");
            }
            self.readiness.clear(TOPIC);
            return true;
        }
        self.usable.store(false, Ordering::SeqCst);
        self.judged.forget_all();
        self.readiness.report(TOPIC, "the upstream does not refuse wrong credentials with HTTP 401", None);
        tracing::error!(
            "the upstream answers OPTIONS with invented credentials with HTTP {status}, expected 401: it cannot judge who \
             signs in, and nobody does. Give a users file, or let the upstream ask for a password on OPTIONS"
        );
        false
    }

    async fn ask(&self, authorization: HeaderValue, user: &UserName) -> Answer {
        let asked = timeout(self.limits.question_time, async {
            let Ok(_place) = self.questions.acquire().await else { return Answer::Unclear("it is closed".to_owned()) };
            self.ask_on(authorization, self.locations.of(user)).await
        });
        asked.await.unwrap_or_else(|_| Answer::Unclear("it did not answer in time".to_owned()))
    }

    /// Asks, and follows HTTP 451.
    async fn ask_on(&self, authorization: HeaderValue, mut index: UpstreamIndex) -> Answer {
        for _ in 0..=self.limits.hops {
            let response = match self.upstreams.options(index, with(authorization.clone())).await {
                Ok(response) => response,
                Err(fault) => return Answer::Unclear(fault.to_string()),
            };
            match sent(response.status(), response.headers(), &self.upstreams) {
                Sent::Nowhere => return judgement(response.status().as_u16(), response.headers(), index),
                Sent::To(next) => index = next,
                Sent::Away(where_to) => return Answer::Unclear(format!("it sends elsewhere: {where_to}")),
            }
        }
        Answer::Unclear("it sends from one upstream to the next".to_owned())
    }

    /// Asks the upstream about credentials that are not known, and remembers what it says.
    async fn judge_by_upstream(
        &self,
        digest: Digest,
        user: UserName,
        authorization: impl FnOnce() -> Option<HeaderValue> + Send,
        peer: IpAddr,
    ) -> Verdict {
        if self.failures.is_locked_out(peer) {
            return Verdict::LockedOut;
        }
        let later = Verdict::Busy { retry_after: 30 };
        if !self.usable.load(Ordering::SeqCst) {
            return later;
        }
        let Some(authorization) = authorization() else { return Verdict::Refused };
        match Box::pin(self.ask(authorization, &user)).await {
            Answer::Accepted(index) => {
                self.locations.remember(&user, index);
                self.judged.remember(digest, Judged::Accepted(user.clone()));
                Verdict::Accepted(user)
            }
            Answer::Refused => {
                self.judged.remember(digest, Judged::Refused);
                if self.failures.count(peer) {
                    tracing::warn!(%peer, "too many wrong credentials in a minute; the upstream is not asked for a while");
                }
                Verdict::Refused
            }
            Answer::Unclear(why) => {
                tracing::debug!("the upstream does not say who somebody is: {why}");
                later
            }
        }
    }
}

#[async_trait]
impl SignIn for UpstreamSignIn {
    async fn judge(&self, credentials: &Credentials, peer: IpAddr) -> Verdict {
        if let Some(users) = &self.users {
            return users.judge(credentials, peer).await;
        }
        let digest = self.judged.digest(credentials);
        if let Some(judged) = self.judged.judged(digest) {
            return judged.into();
        }
        let Some(user) = self.user(credentials.name()) else { return Verdict::Refused };
        self.judge_by_upstream(digest, user, || credentials.to_header(), peer).await
    }

    async fn judge_bearer(&self, token: &BearerToken, peer: IpAddr) -> Verdict {
        let Some(bearer) = &self.bearer else { return Verdict::Refused };
        let name = match bearer.name_in(token.text()).await {
            BearerVerdict::Name(name) => name,
            BearerVerdict::Refused => return Verdict::Refused,
            BearerVerdict::Unclear => return Verdict::Busy { retry_after: 30 },
        };
        let Some(user) = self.user(&name) else { return Verdict::Refused };
        let authorization = || {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.text())).ok()?;
            value.set_sensitive(true);
            Some(value)
        };
        let digest = self.judged.digest_of_token(token);
        match self.judged.judged(digest) {
            // The token says whose it is.
            Some(Judged::Accepted(known)) if known != user => return Verdict::Accepted(user),
            Some(judged) => return judged.into(),
            None => {}
        }
        self.judge_by_upstream(digest, user, authorization, peer).await
    }

    fn user_of(&self, name: &str) -> Option<UserName> {
        self.user(name)
    }

    async fn attend(&self) {
        if let Some(users) = &self.users {
            users.attend().await;
        }
    }
}

fn with(authorization: HeaderValue) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, authorization);
    headers
}

/// Only 200 with the protocol's own headers lets somebody in: a login page is a 200 too.
fn judgement(status: u16, headers: &HeaderMap, index: UpstreamIndex) -> Answer {
    match status {
        200 if Options::parse(headers).is_ok() => Answer::Accepted(index),
        200 => Answer::Unclear("its answer to OPTIONS lists no versions, so it is no ActiveSync server".to_owned()),
        401 | 403 => Answer::Refused,
        status => Answer::Unclear(UpstreamFault::Broke(format!("HTTP {status} to OPTIONS")).to_string()),
    }
}
