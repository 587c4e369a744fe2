//! The users file: one `name:hash` a line, as `htpasswd` of the Apache server writes it. Read, changed, written.
//!
//! Comments (`#`) and blank lines stay where they are. A file that is written appears whole or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use asprov_protocol::device::{DeviceError, UserName};

use super::password_hash::{PasswordHash, PasswordHashError};

/// Largest users file, in bytes: room for some 100,000 users.
pub const FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Longest line, in bytes: a name and a hash take some 200.
pub const LINE_BYTES: usize = 2048;

/// A users file as it stands on disk, line by line.
///
/// ```
/// use asprov_server::sign_in::{hash_password, htpasswd::Htpasswd};
///
/// let mut file = Htpasswd::parse("# the family\n")?;
/// file.set("ann", &hash_password(b"correct horse").unwrap())?;
/// assert_eq!(file.names().collect::<Vec<_>>(), ["ann"]);
/// assert!(file.text().starts_with("# the family\nann:$argon2id$"));
/// # Ok::<(), asprov_server::sign_in::htpasswd::HtpasswdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Htpasswd {
    lines: Vec<Line>,
}

#[derive(Clone, PartialEq, Eq)]
enum Line {
    /// A comment or a blank line.
    Other(String),
    /// A user; the hash is not judged here, so that a line that is refused can still be replaced.
    User { name: String, hash: String },
}

/// Why a users file cannot be read, used or written.
#[derive(Debug, thiserror::Error)]
pub enum HtpasswdError {
    /// The operating system said no.
    #[error("users file {}: {error}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// The file is too large.
    #[error("the users file has more than {most} bytes")]
    TooLarge {
        /// The limit.
        most: u64,
    },
    /// The file is no text.
    #[error("line {line} of the users file is no UTF-8")]
    NotUtf8 {
        /// The line, counted from 1.
        line: usize,
    },
    /// A line is too long.
    #[error("line {line} of the users file has {came} bytes, expected {LINE_BYTES} at most")]
    LongLine {
        /// The line, counted from 1.
        line: usize,
        /// Its length.
        came: usize,
    },
    /// A line has no colon.
    #[error("line {line} of the users file has no colon, expected name:hash")]
    NoColon {
        /// The line, counted from 1.
        line: usize,
    },
    /// The name of a line cannot be a user's.
    #[error("line {line} of the users file: {error}")]
    Name {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        error: DeviceError,
    },
    /// Two lines are for the same user, whose devices they would share.
    #[error("line {line} of the users file is for user `{user}`, and so is line {first}; expected one line a user")]
    Twice {
        /// The second line, counted from 1.
        line: usize,
        /// The first.
        first: usize,
        /// The user.
        user: UserName,
    },
    /// The hash of a line cannot be used.
    #[error("line {line} of the users file: {error}")]
    Hash {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        error: PasswordHashError,
    },
    /// A name that could not be written so that it reads back.
    #[error("`{}` cannot be a name in the users file: it holds a colon or begins with #", .came.escape_debug())]
    UnusableName {
        /// The name.
        came: String,
    },
}

impl Htpasswd {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is larger than [`FILE_BYTES`] or is no users file.
    pub fn read(path: &Path) -> Result<Self, HtpasswdError> {
        let io = |error| HtpasswdError::Io { path: path.to_owned(), error };
        let mut bytes = Vec::new();
        fs::File::open(path).map_err(io)?.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES {
            return Err(HtpasswdError::TooLarge { most: FILE_BYTES });
        }
        let text = core::str::from_utf8(&bytes).map_err(|error| {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            HtpasswdError::NotUtf8 { line: before.iter().filter(|byte| **byte == b'\n').count() + 1 }
        })?;
        Self::parse(text)
    }

    /// Reads the text of a file. Hashes are not judged yet: see [`Htpasswd::users`].
    ///
    /// # Errors
    /// When a line is too long or no `name:hash`.
    pub fn parse(text: &str) -> Result<Self, HtpasswdError> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let lines = text.lines().enumerate().map(|(at, line)| read_line(at + 1, line));
        Ok(Self { lines: lines.collect::<Result<_, _>>()? })
    }

    /// The users with their hashes, under the names by which devices are kept; `domains` as in
    /// [`UserName::from_sign_in`].
    ///
    /// # Errors
    /// The first line with a name or hash that cannot be used, or with a user who had a line already.
    pub fn users(&self, domains: &[String]) -> Result<BTreeMap<UserName, PasswordHash>, HtpasswdError> {
        let mut users = BTreeMap::new();
        let mut first_lines = BTreeMap::new();
        for (line, entry) in (1..).zip(&self.lines) {
            let Line::User { name, hash } = entry else { continue };
            let user = UserName::from_sign_in(name, domains.iter().map(String::as_str))
                .map_err(|error| HtpasswdError::Name { line, error })?;
            if let Some(first) = first_lines.insert(user.clone(), line) {
                return Err(HtpasswdError::Twice { line, first, user });
            }
            let hash = PasswordHash::parse(hash).map_err(|error| HtpasswdError::Hash { line, error })?;
            users.insert(user, hash);
        }
        Ok(users)
    }

    /// The names, in the order of the lines.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| match line {
            Line::User { name, .. } => Some(name.as_str()),
            Line::Other(_) => None,
        })
    }

    /// Gives a user this password hash; `true` when the user is new. `Ann` and `ann` are one user, as devices are kept,
    /// and have one line.
    ///
    /// # Errors
    /// When the name cannot stand in such a file.
    pub fn set(&mut self, name: &str, hash: &PasswordHash) -> Result<bool, HtpasswdError> {
        UserName::new(name).map_err(|error| HtpasswdError::Name { line: self.lines.len() + 1, error })?;
        if name.contains(':') || name.starts_with('#') || name.trim() != name {
            return Err(HtpasswdError::UnusableName { came: name.to_owned() });
        }
        let mut new = Some(hash.as_str().to_owned());
        self.lines.retain_mut(|line| match line {
            Line::User { name: known, hash } if is_same_user(known, name) => {
                // A second line of the user, which makes the file unusable, goes with the old password.
                new.take().map(|new| *hash = new).is_some()
            }
            _ => true,
        });
        let Some(hash) = new else { return Ok(false) };
        self.lines.push(Line::User { name: name.to_owned(), hash });
        Ok(true)
    }

    /// Takes a user out; `false` when there is no line for this user.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| !matches!(line, Line::User { name: known, .. } if is_same_user(known, name)));
        self.lines.len() < before
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let lines = self.lines.iter().map(|line| match line {
            Line::Other(text) => format!("{text}\n"),
            Line::User { name, hash } => format!("{name}:{hash}\n"),
        });
        lines.collect()
    }

    /// Writes the file: next to its place first, then over it, so that a reader sees the old one or the new one. A new
    /// file can be read by its owner only (0600). One that was there keeps its owner and stays readable for its group
    /// if it was, since the server may run as another user than the administrator.
    ///
    /// # Errors
    /// When the operating system does not let it.
    pub fn write(&self, path: &Path) -> Result<(), HtpasswdError> {
        let io = |error| HtpasswdError::Io { path: path.to_owned(), error };
        // A link is followed, so that the file it names is replaced and not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let before = fs::metadata(&path).ok();
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".new-{}", std::process::id()));
        let new = path.with_file_name(name);
        let written = self.write_new(&new, before.as_ref()).and_then(|()| fs::rename(&new, &path));
        if written.is_err() {
            // The error that counts is the one above.
            let _ = fs::remove_file(&new);
        }
        written.map_err(io)?;
        // The new name is on disk only when its directory is.
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let _ = fs::File::open(directory.unwrap_or(Path::new("."))).and_then(|directory| directory.sync_all());
        Ok(())
    }

    fn write_new(&self, new: &Path, before: Option<&fs::Metadata>) -> io::Result<()> {
        let _ = fs::remove_file(new);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)?;
        if let Some(before) = before {
            let own = file.metadata()?;
            if (own.uid(), own.gid()) != (before.uid(), before.gid()) {
                std::os::unix::fs::fchown(&file, Some(before.uid()), Some(before.gid()))?;
            }
            file.set_permissions(fs::Permissions::from_mode(0o600 | (before.mode() & 0o040)))?;
        }
        file.write_all(self.text().as_bytes())?;
        file.sync_all()
    }
}

/// Shows how many users there are; names are not secret, hashes are.
impl core::fmt::Debug for Htpasswd {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Htpasswd").field("users", &self.names().count()).finish_non_exhaustive()
    }
}

/// Whether two names are kept as one user. (Listed domains are not known here.)
fn is_same_user(one: &str, other: &str) -> bool {
    one == other || matches!((UserName::new(one), UserName::new(other)), (Ok(one), Ok(other)) if one == other)
}

fn read_line(line: usize, text: &str) -> Result<Line, HtpasswdError> {
    if text.len() > LINE_BYTES {
        return Err(HtpasswdError::LongLine { line, came: text.len() });
    }
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.starts_with('#') {
        return Ok(Line::Other(text.to_owned()));
    }
    let (name, rest) = trimmed.split_once(':').ok_or(HtpasswdError::NoColon { line })?;
    // Like Apache, read past further fields after another colon.
    let hash = rest.split(':').next().unwrap_or_default();
    Ok(Line::User { name: name.to_owned(), hash: hash.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$05$KfK6eJWzvOJUHtPJpTIpQe5hFgXP.0cJPqJHIg5bHWWuHFcb.cZYe";

    fn hash() -> PasswordHash {
        PasswordHash::parse(HASH).unwrap()
    }

    #[test]
    fn a_faulty_line_is_named_by_number_with_a_hint() {
        let file = Htpasswd::parse(&format!("# x\nann:{HASH}\n\nbob:{{SHA}}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")).unwrap();
        let error = file.users(&[]).unwrap_err().to_string();
        assert_eq!(
            error,
            "line 4 of the users file: the password is a SHA-1 hash without salt ({SHA}), expected an argon2 or bcrypt \
             hash\nhint: make a new line with `asprov user add`"
        );
        assert_eq!(
            Htpasswd::parse("ann:x\nbob\n").unwrap_err().to_string(),
            "line 2 of the users file has no colon, expected name:hash"
        );
        assert!(matches!(
            Htpasswd::parse(&format!("a:{}", "x".repeat(LINE_BYTES))),
            Err(HtpasswdError::LongLine { line: 1, .. })
        ));
    }

    #[test]
    fn two_lines_for_one_user_are_refused_whatever_their_case_or_listed_domain() {
        let file = Htpasswd::parse(&format!("ann:{HASH}\nEXAMPLE\\Ann:{HASH}\n")).unwrap();
        assert!(file.users(&[]).is_ok(), "another domain is another user");
        let domains = ["example".to_owned()];
        assert!(matches!(file.users(&domains), Err(HtpasswdError::Twice { line: 2, first: 1, .. })));
    }

    #[test]
    fn a_line_that_is_refused_can_be_replaced_and_comments_stay() {
        let mut file = Htpasswd::parse("# staff\nbob:$apr1$a$b\n\nann:x").unwrap();
        assert!(!file.set("bob", &hash()).unwrap());
        assert!(file.set("eve", &hash()).unwrap());
        assert!(file.remove("ann"));
        assert!(!file.remove("ann"));
        assert_eq!(file.text(), format!("# staff\nbob:{HASH}\n\neve:{HASH}\n"));
    }

    #[test]
    fn a_user_has_one_line_whatever_the_case_of_the_name() {
        let mut file = Htpasswd::parse("ann:x\n").unwrap();
        assert!(!file.set("Ann", &hash()).unwrap());
        assert_eq!(file.text(), format!("ann:{HASH}\n"));
        assert_eq!(file.users(&[]).unwrap().len(), 1);
        assert!(file.remove("ANN"));
        assert_eq!(file.text(), "");

        let mut twice = Htpasswd::parse("ann:x\nbob:y\nAnn:z\n").unwrap();
        assert!(!twice.set("ann", &hash()).unwrap());
        assert_eq!(twice.text(), format!("ann:{HASH}\nbob:y\n"), "the file can be used again");
    }

    #[test]
    fn a_name_that_would_not_read_back_is_refused() {
        for name in ["a:b", "#ann", " ann", "ann\n", ""] {
            assert!(Htpasswd::default().set(name, &hash()).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_written_file_reads_back_and_is_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users");
        let mut file = Htpasswd::default();
        file.set("ann", &hash()).unwrap();
        file.write(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(Htpasswd::read(&path).unwrap() == file);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        file.write(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640, "nobody else, but the group as before");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_file_that_is_no_text_says_where() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users");
        fs::write(&path, b"ann:x\nb\xFFb:y\n").unwrap();
        assert!(matches!(Htpasswd::read(&path), Err(HtpasswdError::NotUtf8 { line: 2 })));
        assert!(matches!(Htpasswd::read(&directory.path().join("none")), Err(HtpasswdError::Io { .. })));
    }
}
