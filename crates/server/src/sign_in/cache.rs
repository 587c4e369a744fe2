//! Credentials that were judged a moment ago, under a keyed hash: the process's memory holds no password, and the key
//! dies with the process.

use std::sync::Arc;
use std::time::Duration;

use asprov_protocol::device::UserName;
use hmac::{Hmac, KeyInit as _, Mac as _};
use quick_cache::sync::Cache;
use sha2::Sha256;
use tokio::time::Instant;

use super::Credentials;

/// Judged credentials, bounded in number. A judgement counts for a time; what is too old lies there until it gives way.
#[derive(Clone)]
pub(crate) struct JudgedCredentials {
    key: Hmac<Sha256>,
    judged: Arc<Cache<Digest, (Judged, Instant)>>,
    accepted_for: Duration,
    refused_for: Duration,
}

/// How credentials were judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// They are this user's.
    Accepted(UserName),
    /// They are nobody's.
    Refused,
}

/// Under what credentials are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Digest([u8; 32]);

impl JudgedCredentials {
    /// An empty cache with a random `key`.
    pub(crate) fn new(key: [u8; 64], entries: usize, accepted_for: Duration, refused_for: Duration) -> Self {
        let judged = Arc::new(Cache::new(entries));
        Self { key: Hmac::new(&key.into()), judged, accepted_for, refused_for }
    }

    /// The keyed hash of these credentials.
    pub(crate) fn digest(&self, credentials: &Credentials) -> Digest {
        // The length in front keeps `ab` with password `c` apart from `a` with password `bc`.
        let length = u64::try_from(credentials.name().len()).unwrap_or(u64::MAX).to_le_bytes();
        self.digest_of([b"Basic".as_slice(), &length, credentials.name().as_bytes(), credentials.password()])
    }

    /// The keyed hash of a bearer token.
    #[cfg(feature = "gateway")]
    pub(crate) fn digest_of_token(&self, token: &super::BearerToken) -> Digest {
        self.digest_of([b"Bearer".as_slice(), token.text().as_bytes()])
    }

    /// Of what is of one kind, the first of these parts, which begins like no other.
    fn digest_of<const PARTS: usize>(&self, parts: [&[u8]; PARTS]) -> Digest {
        let mut mac = self.key.clone();
        parts.into_iter().for_each(|part| mac.update(part));
        Digest(mac.finalize().into_bytes().into())
    }

    /// How they were judged, if that was not too long ago.
    pub(crate) fn judged(&self, digest: Digest) -> Option<Judged> {
        let (judged, at) = self.judged.get(&digest)?;
        let keeps = match judged {
            Judged::Accepted(_) => self.accepted_for,
            Judged::Refused => self.refused_for,
        };
        (at.elapsed() < keeps).then_some(judged)
    }

    /// Remembers how they were judged.
    pub(crate) fn remember(&self, digest: Digest, judged: Judged) {
        self.judged.insert(digest, (judged, Instant::now()));
    }

    /// Forgets how they were judged.
    #[cfg(feature = "gateway")]
    pub(crate) fn forget(&self, digest: Digest) {
        self.judged.remove(&digest);
    }

    /// Forgets all of them.
    #[cfg(feature = "gateway")]
    pub(crate) fn forget_all(&self) {
        self.judged.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> JudgedCredentials {
        JudgedCredentials::new([7; 64], 100, Duration::from_secs(300), Duration::from_secs(30))
    }

    #[tokio::test(start_paused = true)]
    async fn accepted_credentials_are_known_for_five_minutes_and_refused_ones_for_half_a_minute() {
        let cache = cache();
        let right = cache.digest(&Credentials::new("ann", "right"));
        let wrong = cache.digest(&Credentials::new("ann", "wrong"));
        let ann = Judged::Accepted(UserName::new("ann").unwrap());
        cache.remember(right, ann.clone());
        cache.remember(wrong, Judged::Refused);
        tokio::time::advance(Duration::from_secs(29)).await;
        assert_eq!(cache.judged(wrong), Some(Judged::Refused));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(cache.judged(wrong), None);
        tokio::time::advance(Duration::from_secs(269)).await;
        assert_eq!(cache.judged(right), Some(ann));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(cache.judged(right), None);
    }

    #[test]
    fn the_digest_depends_on_key_name_and_password() {
        let cache = cache();
        let of = |name: &str, password: &str| cache.digest(&Credentials::new(name, password)).0;
        assert_eq!(of("ab", "c"), of("ab", "c"));
        assert_ne!(of("ab", "c"), of("a", "bc"));
        let other = JudgedCredentials::new([8; 64], 1, Duration::ZERO, Duration::ZERO);
        assert_ne!(of("ab", "c"), other.digest(&Credentials::new("ab", "c")).0);
    }

    #[cfg(feature = "gateway")]
    #[test]
    fn a_token_is_never_taken_for_a_password() {
        let cache = cache();
        let mut headers = http::HeaderMap::new();
        headers.insert(http::header::AUTHORIZATION, "Bearer token".parse().unwrap());
        let token = super::super::BearerToken::from_headers(&headers).unwrap();
        assert_ne!(cache.digest(&Credentials::new("", "token")).0, cache.digest_of_token(&token).0);
    }
}
