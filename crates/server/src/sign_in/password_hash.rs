//! The kinds of password hash a users file may hold: argon2 and bcrypt, each with a limit on its cost.
//!
//! Everything else is refused by name, with the command that makes a line that works. No hash is ever shown.

use core::fmt;

use argon2::password_hash::{CustomizedPasswordHasher as _, PasswordHasher as _};
use argon2::{Argon2, Params, PasswordHash as Phc, PasswordVerifier as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Most memory one argon2 hash may ask for, in KiB: 256 MiB. As many hashes as there are cores run at once.
const ARGON2_MEMORY: u32 = 256 * 1024;
/// Most passes of one argon2 hash: beyond it a sign-in would take many seconds.
const ARGON2_PASSES: u32 = 32;
/// Most lanes of one argon2 hash. They are worked through one after the other here.
const ARGON2_LANES: u32 = 16;
/// Greatest cost of a bcrypt hash, as a power of two: 16 takes some seconds, 31 a day.
const BCRYPT_COST: u32 = 16;
/// The digits of bcrypt's own base64.
const BCRYPT_DIGITS: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A password hash that can be checked.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: String,
    cost: Cost,
}

/// The kind of a hash and what checking it costs. Two hashes with the same cost take the same time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cost {
    /// What stands between the algorithm's name and the salt, such as `argon2id$v=19$m=19456,t=2,p=1`.
    Argon2 {
        /// Everything up to the salt.
        head: String,
        /// Bytes of the output.
        output: usize,
    },
    /// The power of two.
    Bcrypt(u32),
}

/// Why a text is no password hash that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordHashError {
    /// The password is there in clear, or hashed in a way that is too easily undone.
    #[error("the password is {kind}, expected an argon2 or bcrypt hash\nhint: make a new line with `asprov user add`")]
    Kind {
        /// What it is, as far as can be told.
        kind: &'static str,
    },
    /// It begins like a known kind but cannot be read.
    #[error("the {kind} hash cannot be read: {fault}\nhint: make a new line with `asprov user add`")]
    Unreadable {
        /// The kind.
        kind: &'static str,
        /// What is wrong with it.
        fault: String,
    },
    /// Checking it would cost too much.
    #[error("the {kind} hash asks for {what} {came}, expected {most} at most")]
    Cost {
        /// The kind.
        kind: &'static str,
        /// What costs.
        what: &'static str,
        /// How much.
        came: u32,
        /// The most that is accepted.
        most: u32,
    },
    /// The operating system gave no random bytes, or the hash could not be computed.
    #[error("the password cannot be hashed: {0}")]
    Hashing(String),
}

impl PasswordHash {
    /// Reads the part of a line after the name.
    ///
    /// # Errors
    /// When it is of another kind, cannot be read, or would cost too much to check.
    pub fn parse(text: &str) -> Result<Self, PasswordHashError> {
        let cost = match text {
            _ if text.starts_with("$argon2") => argon2_cost(text)?,
            _ if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) => bcrypt_cost(text)?,
            _ => return Err(PasswordHashError::Kind { kind: other_kind(text) }),
        };
        Ok(Self { text: text.to_owned(), cost })
    }

    /// The text for the file.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this is the hash of the password. It takes as long as the cost says, and blocks.
    pub fn verify(&self, password: &[u8]) -> bool {
        match self.cost {
            Cost::Argon2 { .. } => {
                Phc::new(&self.text).is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
            }
            Cost::Bcrypt(_) => bcrypt::verify(password, &self.text).unwrap_or(false),
        }
    }

    pub(super) const fn cost(&self) -> &Cost {
        &self.cost
    }

    /// A hash that no password has and that costs as much as `cost` says, for users who do not exist. The random bytes
    /// stand where salt and output do.
    pub(super) fn nobody(cost: &Cost, random: [u8; 64]) -> Self {
        let text = match cost {
            Cost::Argon2 { head, output } => {
                let (salt, rest) = random.split_at(16);
                let output: Vec<u8> = rest.iter().cycle().take(*output).copied().collect();
                format!("${head}${}${}", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(output))
            }
            Cost::Bcrypt(cost) => {
                let digits = random
                    .iter()
                    .map(|byte| char::from(BCRYPT_DIGITS.get(usize::from(byte % 64)).copied().unwrap_or(b'.')));
                let digits: String = digits.take(52).collect();
                let (salt, output) = digits.split_at_checked(21).unwrap_or((&digits, ""));
                let output = output.get(..30).unwrap_or_default();
                // The last digit of each part carries fewer than six bits; `.` is zero.
                format!("$2b${cost:02}${salt}.{output}.")
            }
        };
        Self { text, cost: cost.clone() }
    }
}

impl Default for Cost {
    /// What [`hash_password`] uses.
    fn default() -> Self {
        let (memory, passes, lanes) = (Params::DEFAULT_M_COST, Params::DEFAULT_T_COST, Params::DEFAULT_P_COST);
        Self::Argon2 {
            head: format!("argon2id$v=19$m={memory},t={passes},p={lanes}"),
            output: Params::DEFAULT_OUTPUT_LEN,
        }
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Hashes a new password with argon2id (RFC 9106) at the parameters that OWASP names for servers. It blocks.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn hash_password(password: &[u8]) -> Result<PasswordHash, PasswordHashError> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| PasswordHashError::Hashing(error.to_string()))?;
    let hash = Argon2::default()
        .hash_password_with_salt(password, &salt)
        .map_err(|error| PasswordHashError::Hashing(error.to_string()))?;
    PasswordHash::parse(&hash.to_string())
}

fn argon2_cost(text: &str) -> Result<Cost, PasswordHashError> {
    const KIND: &str = "argon2";
    let unreadable = |fault: String| PasswordHashError::Unreadable { kind: KIND, fault };
    let hash = Phc::new(text).map_err(|error| unreadable(error.to_string()))?;
    let params = Params::try_from(&hash).map_err(|error| unreadable(error.to_string()))?;
    let limits = [
        ("memory (KiB)", params.m_cost(), ARGON2_MEMORY),
        ("passes", params.t_cost(), ARGON2_PASSES),
        ("lanes", params.p_cost(), ARGON2_LANES),
    ];
    if let Some((what, came, most)) = limits.into_iter().find(|(_, came, most)| came > most) {
        return Err(PasswordHashError::Cost { kind: KIND, what, came, most });
    }
    let (Some(salt), Some(output)) = (&hash.salt, &hash.hash) else {
        return Err(unreadable("salt or output is missing".to_owned()));
    };
    // With no password it must at least compute: the algorithm and its version are known then.
    let cheap = Params::new(8, 1, 1, Some(output.len())).map_err(|error| unreadable(error.to_string()))?;
    Argon2::default()
        .hash_password_customized(b"", salt, Some(hash.algorithm.as_str()), hash.version, cheap)
        .map_err(|error| unreadable(error.to_string()))?;
    // The text ends with `$salt$output`.
    let head = text.rsplitn(3, '$').nth(2).unwrap_or_default().trim_start_matches('$').to_owned();
    Ok(Cost::Argon2 { head, output: output.len() })
}

fn bcrypt_cost(text: &str) -> Result<Cost, PasswordHashError> {
    const KIND: &str = "bcrypt";
    let parts: bcrypt::HashParts = text
        .parse()
        .map_err(|error: bcrypt::BcryptError| PasswordHashError::Unreadable { kind: KIND, fault: error.to_string() })?;
    let cost = parts.get_cost();
    if cost > BCRYPT_COST {
        return Err(PasswordHashError::Cost { kind: KIND, what: "a cost of", came: cost, most: BCRYPT_COST });
    }
    if cost < 4 {
        return Err(PasswordHashError::Unreadable { kind: KIND, fault: format!("cost {cost}, expected 4 or more") });
    }
    Ok(Cost::Bcrypt(cost))
}

/// The names of what other programs write into such files.
fn other_kind(text: &str) -> &'static str {
    const KINDS: [(&str, &str); 8] = [
        ("$apr1$", "an MD5 hash ($apr1$)"),
        ("$1$", "an MD5 hash ($1$)"),
        ("{SHA}", "a SHA-1 hash without salt ({SHA})"),
        ("{SSHA}", "a SHA-1 hash ({SSHA})"),
        ("$5$", "a SHA-256 crypt hash ($5$)"),
        ("$6$", "a SHA-512 crypt hash ($6$)"),
        ("$2x$", "a bcrypt hash of a faulty version ($2x$)"),
        ("$", "a hash of an unknown kind"),
    ];
    let known = KINDS.iter().find(|(prefix, _)| text.starts_with(prefix)).map(|(_, kind)| *kind);
    known.unwrap_or("in clear or a DES crypt hash")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hash as `htpasswd -B` writes it; nobody knows its password.
    const BCRYPT: &str = "$2y$05$KfK6eJWzvOJUHtPJpTIpQe5hFgXP.0cJPqJHIg5bHWWuHFcb.cZYe";

    #[test]
    fn a_new_hash_is_argon2id_and_fits_its_password_only() {
        let hash = hash_password(b"correct horse").unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert!(hash.verify(b"correct horse"));
        assert!(!hash.verify(b"correct horsf"));
        assert_eq!(hash.cost(), &Cost::default());
        assert_eq!(PasswordHash::parse(hash.as_str()), Ok(hash));
    }

    #[test]
    fn bcrypt_of_every_accepted_prefix_is_read_and_checked() {
        let made = bcrypt::hash("secret", 4).unwrap();
        for prefix in ["$2a$", "$2b$", "$2y$"] {
            let text = format!("{prefix}{}", &made[4..]);
            let hash = PasswordHash::parse(&text).unwrap();
            assert_eq!(hash.cost(), &Cost::Bcrypt(4));
            assert!(hash.verify(b"secret"));
            assert!(!hash.verify(b"Secret"));
        }
        assert!(PasswordHash::parse(BCRYPT).is_ok());
    }

    #[test]
    fn weak_and_unknown_kinds_are_refused_by_name() {
        for (text, named) in [
            ("$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00", "MD5"),
            ("$1$aaaaaaaa$bbbbbbbbbbbbbbbbbbbbbb", "MD5"),
            ("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "SHA-1"),
            ("$6$salt$hash", "SHA-512"),
            ("$9$x", "unknown"),
            ("secret", "clear"),
            ("rqXexS6ZhobKA", "clear or a DES"),
            ("", "clear"),
        ] {
            let error = PasswordHash::parse(text).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
            assert!(error.contains("asprov user add"), "{error}");
            assert!(text.is_empty() || !error.contains(text), "the error shows the hash");
        }
    }

    #[test]
    fn a_hash_that_would_cost_too_much_is_refused() {
        let costly = "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert!(matches!(PasswordHash::parse(costly), Err(PasswordHashError::Cost { came: 4_194_304, .. })));
        let text = BCRYPT.replace("$05$", "$31$");
        assert!(matches!(PasswordHash::parse(&text), Err(PasswordHashError::Cost { came: 31, most: 16, .. })));
    }

    #[test]
    fn a_damaged_hash_is_refused_when_it_is_read_and_not_at_sign_in() {
        for text in [
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ",
            "$argon2zz$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAA",
            "$2b$05$short",
        ] {
            assert!(matches!(PasswordHash::parse(text), Err(PasswordHashError::Unreadable { .. })), "{text}");
        }
    }

    #[test]
    fn nobody_has_a_readable_hash_of_the_same_cost_and_no_password_fits() {
        let costs = [
            Cost::default(),
            Cost::Argon2 { head: "argon2i$v=19$m=64,t=3,p=2".to_owned(), output: 48 },
            Cost::Bcrypt(4),
        ];
        for cost in costs {
            for random in [[0; 64], [0xA7; 64], [0xFF; 64]] {
                let nobody = PasswordHash::nobody(&cost, random);
                assert_eq!(PasswordHash::parse(nobody.as_str()).as_ref(), Ok(&nobody));
                assert_eq!(nobody.cost(), &cost);
                assert!(!nobody.verify(b"secret"));
            }
        }
    }
}
