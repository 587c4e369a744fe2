//! Who is asking: the Authorization header (\[MS-ASHTTP\] 2.2.1.1.2.2), and who judges it.
//!
//! [`SignIn`] is what a server needs; [`UsersFile`] is the one that reads an htpasswd file. The steps of one judgement,
//! from cheap to expensive: the cache of accepted and refused credentials, the count of failures of the address, and
//! only then a password hash, on a bounded number of threads.

mod bearer_token;
pub(crate) mod cache;
mod credentials;
pub(crate) mod failures;
mod hashing;
pub mod htpasswd;
mod password_hash;
mod users_file;

use std::net::IpAddr;

use asprov_protocol::device::UserName;
use async_trait::async_trait;

pub use bearer_token::BearerToken;
pub use credentials::Credentials;
pub use password_hash::{PasswordHash, PasswordHashError, hash_password};
pub(crate) use users_file::Stamp;
pub use users_file::{SignInLimits, UsersFile};

/// Judges credentials. The users file is one judge; the server behind a gateway can be another.
#[async_trait]
pub trait SignIn: Send + Sync + 'static {
    /// Judges what was sent by a client at this address.
    async fn judge(&self, credentials: &Credentials, peer: IpAddr) -> Verdict;

    /// Judges a bearer token. Whoever knows no issuer of tokens refuses it.
    async fn judge_bearer(&self, _token: &BearerToken, _peer: IpAddr) -> Verdict {
        Verdict::Refused
    }

    /// The user that a name stands for, whoever sent it. Nothing is judged by it.
    fn user_of(&self, name: &str) -> Option<UserName> {
        UserName::new(name).ok()
    }

    /// What the judge needs done from time to time, such as looking whether its file has changed. The server calls it
    /// about once a second.
    async fn attend(&self) {}
}

/// What became of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The credentials are this user's.
    Accepted(UserName),
    /// They are nobody's: HTTP 401.
    Refused,
    /// They were not looked at, since the address has failed too often: HTTP 401 too.
    LockedOut,
    /// Nobody can say right now: HTTP 503 with Retry-After.
    Busy {
        /// When to try again, in seconds.
        retry_after: u32,
    },
}
