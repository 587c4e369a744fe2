//! Sign-in from an htpasswd file: looked at again when it changes, at most once a second, and never half read.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::available_parallelism;
use std::time::Duration;

use asprov_protocol::device::UserName;
use async_trait::async_trait;
use tokio::time::Instant;

use super::cache::{Judged, JudgedCredentials};
use super::failures::Failures;
use super::hashing::{Answer, Hashing, QueueIsFull};
use super::htpasswd::{Htpasswd, HtpasswdError};
use super::password_hash::{Cost, PasswordHash};
use super::{Credentials, SignIn, Verdict};

/// What signing in may cost, each with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInLimits {
    /// Password hashes at the same time. Default: as many as there are cores, since each keeps one busy.
    pub threads: usize,
    /// Requests that wait for a hash; more are answered HTTP 503. Default 64: at some 20 ms a hash, waiting any longer
    /// than that queue takes seconds.
    pub queue: usize,
    /// How long accepted credentials are known. Default 5 minutes: a phone asks every few seconds while it is in use.
    pub accepted_for: Duration,
    /// How long refused credentials are known. Default 30 seconds: a phone repeats a wrong password at once.
    pub refused_for: Duration,
    /// Credentials that are known at the same time. Default 100,000, some 15 MiB when all are there.
    pub known: usize,
    /// Wrong passwords of one address in a minute before it is answered HTTP 401 unhashed. Default 10.
    pub failures: u32,
    /// Addresses whose failures are counted. Default 10,000, below 1 MiB.
    pub addresses: usize,
    /// How often the file is looked at. Default 1 second: a user who was taken out is out then.
    pub look_every: Duration,
}

impl Default for SignInLimits {
    fn default() -> Self {
        Self {
            threads: available_parallelism().map_or(1, std::num::NonZero::get),
            queue: 64,
            accepted_for: Duration::from_secs(300),
            refused_for: Duration::from_secs(30),
            known: 100_000,
            failures: 10,
            addresses: 10_000,
            look_every: Duration::from_secs(1),
        }
    }
}

/// Signs users in from an htpasswd file.
pub struct UsersFile {
    path: PathBuf,
    domains: Vec<String>,
    limits: SignInLimits,
    loaded: RwLock<Arc<Loaded>>,
    looked: Mutex<Looked>,
    hashing: Hashing,
    failures: Failures,
}

/// One state of the file, with the credentials that were judged by it: when the file changes, both go.
struct Loaded {
    users: BTreeMap<UserName, PasswordHash>,
    /// Checked for users who do not exist, so that they take as long as those who do.
    nobody: PasswordHash,
    judged: JudgedCredentials,
}

/// When the file was looked at last, and what it looked like.
struct Looked {
    at: Instant,
    stamp: Option<Stamp>,
}

/// What changes when a file does: time, size, place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: (i64, i64),
    bytes: u64,
    inode: (u64, u64),
}

impl UsersFile {
    /// Reads the file. `domains` are those whose names are left out of a user's name, as in
    /// [`UserName::from_sign_in`].
    ///
    /// # Errors
    /// When it cannot be read or has a line that cannot be used.
    pub fn open(path: &Path, domains: &[String], limits: SignInLimits) -> Result<Self, HtpasswdError> {
        let stamp = Stamp::of(path);
        let loaded = Loaded::read(path, domains, &limits)?;
        Ok(Self {
            path: path.to_owned(),
            domains: domains.to_vec(),
            loaded: RwLock::new(Arc::new(loaded)),
            looked: Mutex::new(Looked { at: Instant::now(), stamp }),
            hashing: Hashing::new(limits.threads, limits.queue),
            failures: Failures::new(limits.failures, Duration::from_secs(60), limits.addresses),
            limits,
        })
    }

    /// How many users the file has.
    pub fn users(&self) -> usize {
        self.loaded().users.len()
    }

    fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.loaded.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks whether the file has changed, if it is time to.
    async fn look(&self) {
        if !self.is_time_to_look() {
            return;
        }
        let (path, domains, limits) = (self.path.clone(), self.domains.clone(), self.limits.clone());
        let before = self.looked.lock().unwrap_or_else(PoisonError::into_inner).stamp;
        let read = tokio::task::spawn_blocking(move || {
            let stamp = Stamp::of(&path);
            (stamp != before).then(|| (stamp, Loaded::read(&path, &domains, &limits)))
        });
        let Ok(Some((stamp, read))) = read.await else { return };
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).stamp = stamp;
        match read {
            Ok(loaded) => {
                tracing::info!(path = %self.path.display(), users = loaded.users.len(), "the users file was read again");
                *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
            }
            Err(error) => tracing::error!(
                path = %self.path.display(),
                "the users file has changed and cannot be used, so the old one stays: {error}"
            ),
        }
    }

    fn is_time_to_look(&self) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let due = looked.at.elapsed() >= self.limits.look_every;
        if due {
            looked.at = Instant::now();
        }
        due
    }

    async fn hash(&self, loaded: &Loaded, credentials: &Credentials, user: Option<UserName>, peer: IpAddr) -> Verdict {
        let digest = loaded.judged.digest(credentials);
        if let Some(judged) = loaded.judged.judged(digest) {
            return judged.into();
        }
        if self.failures.is_locked_out(peer) {
            return Verdict::LockedOut;
        }
        // Whoever does not exist is checked all the same, against a hash that no password has.
        let known = user.and_then(|user| loaded.users.get(&user).map(|hash| (user, hash)));
        let (user, hash) = known.map_or((None, &loaded.nobody), |(user, hash)| (Some(user), hash));
        let checked =
            self.hashing.verify(hash.clone(), credentials.password().to_vec(), || loaded.judged.judged(digest)).await;
        let judged = match (checked, user) {
            (Err(QueueIsFull), _) => return Verdict::Busy { retry_after: 5 },
            (Ok(Answer::Known(judged)), _) => return judged.into(),
            (Ok(Answer::Checked(true)), Some(user)) => Judged::Accepted(user),
            (Ok(Answer::Checked(_)), _) => {
                if self.failures.count(peer) {
                    tracing::warn!(%peer, "too many wrong passwords: answered 401 unhashed for a minute");
                }
                Judged::Refused
            }
        };
        loaded.judged.remember(digest, judged.clone());
        judged.into()
    }
}

#[async_trait]
impl SignIn for UsersFile {
    async fn judge(&self, credentials: &Credentials, peer: IpAddr) -> Verdict {
        self.look().await;
        let loaded = self.loaded();
        let user = self.user_of(credentials.name());
        self.hash(&loaded, credentials, user, peer).await
    }

    fn user_of(&self, name: &str) -> Option<UserName> {
        UserName::from_sign_in(name, self.domains.iter().map(String::as_str)).ok()
    }

    async fn attend(&self) {
        self.look().await;
    }
}

impl Loaded {
    fn read(path: &Path, domains: &[String], limits: &SignInLimits) -> Result<Self, HtpasswdError> {
        let users = Htpasswd::read(path)?.users(domains)?;
        let (mut key, mut text) = ([0; 64], [0; 64]);
        for random in [&mut key, &mut text] {
            getrandom::fill(random)
                .map_err(|error| HtpasswdError::Io { path: path.to_owned(), error: std::io::Error::other(error) })?;
        }
        Ok(Self {
            nobody: PasswordHash::nobody(&most_common_cost(&users), text),
            users,
            judged: JudgedCredentials::new(key, limits.known, limits.accepted_for, limits.refused_for),
        })
    }
}

/// The cost of most users' hashes, which is what a user who does not exist has to cost.
fn most_common_cost(users: &BTreeMap<UserName, PasswordHash>) -> Cost {
    let mut counts = BTreeMap::new();
    for hash in users.values() {
        *counts.entry(hash.cost()).or_insert(0_usize) += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(cost, _)| cost.clone()).unwrap_or_default()
}

impl Stamp {
    /// `None` when the file cannot be looked at.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let data = fs::metadata(path).ok()?;
        Some(Self { modified: (data.mtime(), data.mtime_nsec()), bytes: data.size(), inode: (data.dev(), data.ino()) })
    }
}

impl From<Judged> for Verdict {
    fn from(judged: Judged) -> Self {
        match judged {
            Judged::Accepted(user) => Self::Accepted(user),
            Judged::Refused => Self::Refused,
        }
    }
}

impl core::fmt::Debug for UsersFile {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("UsersFile").field("path", &self.path).field("limits", &self.limits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
