//! The administrator's token: what `Authorization: Bearer` has to carry, and the file it is kept in.
//!
//! A token is 256 random bits as text, or a text of the administrator's own. Only its digest stays in memory beside
//! the listener, and digests are compared in constant time, so neither memory nor timing gives it away.

use std::io;
use std::path::{Path, PathBuf};

use asprov_protocol::secret::Secret;
use asprov_store::private_file::{self, PrivateFileError};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};

use crate::problem::{Problem, ProblemKind};

/// The administrator's token. Debug output does not show it.
#[derive(Debug)]
pub struct AdminToken(Secret<String>);

/// What the listener keeps of a token: enough to recognise it.
#[derive(Clone)]
pub(crate) struct TokenDigest([u8; 32]);

/// Why a token cannot be used, made, read or kept. No message holds any part of a token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The text has the wrong length.
    #[error("the admin token has {came} characters, expected {least} to {most}", least = AdminToken::LEAST, most = AdminToken::MOST)]
    Length {
        /// How many characters came.
        came: usize,
    },
    /// The text holds a character that cannot travel in a header.
    #[error("the admin token holds an unusable character at {at}, expected visible ASCII without blanks")]
    Character {
        /// Its place, counted from 1.
        at: usize,
    },
    /// The system has no random bytes.
    #[error("no random bytes for an admin token: {0}")]
    Random(getrandom::Error),
    /// The file cannot be read or written.
    #[error("token file {}: {fault}", .path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        fault: io::Error,
    },
    /// Somebody besides its owner can read or write the file.
    #[error("token file {} has mode {mode:04o}, expected 0600: others can read it; run chmod 600", .path.display())]
    Readable {
        /// Its path.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file holds no token.
    #[error("token file {}: {fault}; delete the file and a new token is made", .path.display())]
    Content {
        /// Its path.
        path: PathBuf,
        /// What is wrong with what it holds.
        fault: Box<Self>,
    },
}

impl AdminToken {
    /// Shortest accepted token, in characters: shorter ones can be guessed.
    pub const LEAST: usize = 16;
    /// Longest accepted token, in characters: it has to fit in a header.
    pub const MOST: usize = 512;

    /// A token from text.
    ///
    /// # Errors
    /// When it is shorter than 16 or longer than 512 characters, or holds anything but visible ASCII.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let came = text.chars().count();
        if !(Self::LEAST..=Self::MOST).contains(&came) {
            return Err(TokenError::Length { came });
        }
        match text.chars().position(|c| !c.is_ascii_graphic()) {
            Some(before) => Err(TokenError::Character { at: before + 1 }),
            None => Ok(Self(Secret::new(text.to_owned()))),
        }
    }

    /// The token, to be written to its file or sent. Never log it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    pub(crate) fn digest(&self) -> TokenDigest {
        TokenDigest::of(self.expose())
    }
}

/// A new token: 32 random bytes as 64 hex digits.
///
/// # Errors
/// When the system has no random bytes.
pub fn make_token() -> Result<AdminToken, TokenError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(TokenError::Random)?;
    Ok(AdminToken(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect())))
}

/// The token of the file at `path`; a new one, with mode 0600, when there is no such file. It blocks for the disk, so
/// call it while starting. Only the path is for printing.
///
/// # Errors
/// When the file cannot be read or written, others can read it, or it holds no token.
pub fn read_or_create_token_file(path: &Path) -> Result<AdminToken, TokenError> {
    match read_token_file(path) {
        Err(TokenError::File { fault, .. }) if fault.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    let token = make_token()?;
    match private_file::create(path, token.expose()) {
        Ok(()) => Ok(token),
        // Another process made it first; its token is the one.
        Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => read_token_file(path),
        Err(fault) => Err(TokenError::File { path: path.to_owned(), fault }),
    }
}

/// The token of the file at `path`: its first line.
///
/// # Errors
/// When the file cannot be read, others can read it, or it holds no token.
pub fn read_token_file(path: &Path) -> Result<AdminToken, TokenError> {
    let file_error = |fault| TokenError::File { path: path.to_owned(), fault };
    // One more than the longest token and its line end: what is longer is refused below, unread.
    let held = private_file::read(path, AdminToken::MOST as u64 + 2).map_err(|error| match error {
        PrivateFileError::Io(fault) => file_error(fault),
        PrivateFileError::Readable { mode } => TokenError::Readable { path: path.to_owned(), mode },
    })?;
    // The error of the conversion would hold what was read.
    let text = String::from_utf8(held)
        .map_err(|_| file_error(io::Error::new(io::ErrorKind::InvalidData, "it holds no UTF-8 text")))?;
    AdminToken::new(text.trim_end_matches(['\r', '\n']))
        .map_err(|fault| TokenError::Content { path: path.to_owned(), fault: Box::new(fault) })
}

impl TokenDigest {
    fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Whether the two digests are equal, in a time that does not depend on where they differ.
    fn is(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).fold(0, |difference, (left, right)| difference | (left ^ right)) == 0
    }

    /// Lets a request with the token pass.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let refuse = |detail| {
            Problem::new(ProblemKind::Unauthorized, detail)
                .with_hint("send `Authorization: Bearer TOKEN`; the server names its token file when it starts")
        };
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or_else(|| refuse("the request has no Authorization header"))?;
        if values.next().is_some() {
            return Err(refuse("the request has more than one Authorization header, expected one"));
        }
        let (scheme, token) =
            value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(|| {
                refuse("the Authorization header cannot be read, expected a scheme, a blank and a token")
            })?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(refuse("the Authorization header has another scheme, expected Bearer"));
        }
        if self.is(&Self::of(token.trim())) { Ok(()) } else { Err(refuse("this is not the administrator's token")) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn check(authorization: &[&str]) -> Result<(), Problem> {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        AdminToken::new("correct-horse-battery").unwrap().digest().check(&headers)
    }

    #[test]
    fn only_the_token_itself_passes() {
        assert_eq!(check(&["Bearer correct-horse-battery"]), Ok(()));
        assert_eq!(check(&["bearer correct-horse-battery"]), Ok(()));
        for wrong in [
            &[][..],
            &["Bearer correct-horse-batterz"],
            &["Bearer correct-horse-battery1"],
            &["Bearer correct-horse-batter"],
            &["Bearer"],
            &["Bearer "],
            &["Basic correct-horse-battery"],
            &["correct-horse-battery"],
            &["Bearer correct-horse-battery", "Bearer correct-horse-battery"],
        ] {
            let problem = check(wrong).unwrap_err();
            assert_eq!(problem.kind(), ProblemKind::Unauthorized, "{wrong:?}");
            assert!(!problem.detail().contains("correct"), "{}", problem.detail());
        }
    }

    #[test]
    fn a_short_or_unprintable_token_is_refused_without_being_repeated() {
        assert_eq!(
            AdminToken::new("short").unwrap_err().to_string(),
            "the admin token has 5 characters, expected 16 to 512"
        );
        let blank = AdminToken::new("correct horse battery").unwrap_err().to_string();
        assert!(blank.contains("at 8") && !blank.contains("horse"), "{blank}");
        assert!(AdminToken::new(&"x".repeat(513)).is_err());
    }

    #[test]
    fn two_made_tokens_differ_and_debug_shows_neither() {
        let (first, second) = (make_token().unwrap(), make_token().unwrap());
        assert_eq!(first.expose().len(), 64);
        assert_ne!(first.expose(), second.expose());
        assert!(!format!("{first:?}").contains(first.expose()));
    }

    #[test]
    fn a_token_file_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("asprov.token");
        let made = read_or_create_token_file(&path).unwrap();
        let read = read_or_create_token_file(&path).unwrap();
        assert_eq!(made.expose(), read.expose());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
            for mode in [0o640, 0o660, 0o604, 0o644] {
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
                let refused = read_or_create_token_file(&path).unwrap_err().to_string();
                assert!(refused.contains(&format!("mode {mode:04o}, expected 0600")), "{refused}");
                assert!(!refused.contains(made.expose()));
            }
        }
    }

    #[test]
    fn a_token_file_without_a_token_is_an_error_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        for content in ["", "\n", "short\n", &"x".repeat(5000)] {
            let path = folder.path().join("asprov.token");
            let _ = fs::remove_file(&path);
            fs::write(&path, content).unwrap();
            #[cfg(unix)]
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            assert!(matches!(read_or_create_token_file(&path), Err(TokenError::Content { .. })), "{content:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }
}
