//! The groups file: a group and its users a line, `sales: ann bob`, as Apache's AuthGroupFile has it. It stands beside a
//! users file that `htpasswd` writes, and leaves that as it is.
//!
//! A group may have several lines. Blank lines and those that begin with `#` say nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use asprov_protocol::device::{DeviceError, GroupName, UserName};
use asprov_store::{Store, StoreError, limits};

use super::write_all;

/// Largest groups file, in bytes: room for some 100,000 users in ten groups each.
pub const FILE_BYTES: u64 = 16 * 1024 * 1024;

/// What a groups file says.
///
/// ```
/// use asprov_server::groups::GroupsFile;
///
/// let file = GroupsFile::parse("sales: ann bob\nboard: ann\n", &[])?;
/// assert_eq!((file.users(), file.groups()), (2, 2));
/// let error = GroupsFile::parse("sales ann\n", &[]).unwrap_err();
/// assert_eq!(error.to_string(), "the groups file, line 1: `sales ann` has no colon, expected a group, a colon and its users");
/// # Ok::<(), asprov_server::groups::GroupsFileError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupsFile {
    users: BTreeMap<UserName, BTreeSet<GroupName>>,
}

/// Why a groups file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GroupsFileError {
    /// The operating system said no.
    #[error("groups file {}: {error}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// The file is too large.
    #[error("the groups file has more than {most} bytes")]
    TooLarge {
        /// The limit.
        most: u64,
    },
    /// The file is no text.
    #[error("the groups file, line {line}: it is no text in UTF-8")]
    NoText {
        /// The line, from 1.
        line: usize,
    },
    /// A line has no colon.
    #[error("the groups file, line {line}: `{came}` has no colon, expected a group, a colon and its users")]
    NoColon {
        /// The line, from 1.
        line: usize,
        /// How it begins.
        came: String,
    },
    /// A group or a user cannot have that name.
    #[error("the groups file, line {line}: {error}")]
    Name {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: DeviceError,
    },
    /// A user is in too many groups.
    #[error("the groups file, line {line}: {user} is in more than {most} groups")]
    TooManyGroups {
        /// The line, from 1.
        line: usize,
        /// The user.
        user: UserName,
        /// The limit.
        most: usize,
    },
}

impl GroupsFile {
    /// Reads a file. `domains` are left out of users' names, as they are at sign-in.
    ///
    /// # Errors
    /// When it cannot be read, or has a line that cannot be used.
    pub fn read(path: &Path, domains: &[String]) -> Result<Self, GroupsFileError> {
        let io = |error| GroupsFileError::Io { path: path.to_owned(), error };
        let mut bytes = Vec::new();
        fs::File::open(path).map_err(io)?.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES {
            return Err(GroupsFileError::TooLarge { most: FILE_BYTES });
        }
        let text = str::from_utf8(&bytes).map_err(|error| {
            let before = bytes.iter().take(error.valid_up_to());
            GroupsFileError::NoText { line: before.filter(|byte| **byte == b'\n').count() + 1 }
        })?;
        Self::parse(text, domains)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// When a line cannot be used.
    pub fn parse(text: &str, domains: &[String]) -> Result<Self, GroupsFileError> {
        let mut users: BTreeMap<UserName, BTreeSet<GroupName>> = BTreeMap::new();
        for (line, entry) in (1..).zip(text.lines()) {
            let entry = entry.trim();
            if entry.is_empty() || entry.starts_with('#') {
                continue;
            }
            let name = |error| GroupsFileError::Name { line, error };
            let (group, members) = entry.split_once(':').ok_or_else(|| {
                let came = entry.chars().take(40).flat_map(char::escape_debug).collect();
                GroupsFileError::NoColon { line, came }
            })?;
            let group = GroupName::new(group).map_err(name)?;
            for member in members.split_ascii_whitespace() {
                let user = UserName::from_sign_in(member, domains.iter().map(String::as_str)).map_err(name)?;
                let groups = users.entry(user.clone()).or_default();
                groups.insert(group.clone());
                if groups.len() > limits::GROUPS_PER_USER {
                    return Err(GroupsFileError::TooManyGroups { line, user, most: limits::GROUPS_PER_USER });
                }
            }
        }
        Ok(Self { users })
    }

    /// How many users are in a group.
    pub fn users(&self) -> usize {
        self.users.len()
    }

    /// How many groups have a user.
    pub fn groups(&self) -> usize {
        self.users.values().flatten().collect::<BTreeSet<_>>().len()
    }

    /// Tells the store what the file says: whom it does not name is in no group. Says of how many users that is news.
    ///
    /// # Errors
    /// When the store does not do it.
    pub async fn write(&self, store: &dyn Store) -> Result<usize, StoreError> {
        write_all(&self.users, store).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_may_have_several_lines_and_a_user_several_groups() {
        let text = "# who is who\n\nSales: Ann  bob\nboard:\nsales: carl ann@example.com\ntravel:\tann\n";
        let file = GroupsFile::parse(text, &["example.com".to_owned()]).unwrap();
        let listed: Vec<_> =
            file.users.iter().map(|(user, groups)| (user.as_str(), super::super::listed(groups))).collect();
        let expected = [("ann", "sales, travel"), ("bob", "sales"), ("carl", "sales")];
        assert_eq!(listed, expected.map(|(user, groups)| (user, groups.to_owned())));
        assert_eq!(GroupsFile::parse("", &[]).unwrap(), GroupsFile::default());
    }

    #[test]
    fn what_is_wrong_has_its_line_and_reason() {
        let long = format!("# x\n{}: ann\n", "g".repeat(129));
        let many: String = (0..=limits::GROUPS_PER_USER).map(|number| format!("g{number}: ann\n")).collect();
        for (text, line, reason) in [
            ("sales: ann\nboard ann\n", 2, "has no colon"),
            (": ann\n", 1, "1 to 128"),
            ("a,b: ann\n", 1, "','"),
            (long.as_str(), 2, "129 characters"),
            (many.as_str(), 257, "more than 256 groups"),
            ("ann:$argon2id$v=19$m=19456\nbob\n", 2, "has no colon"),
        ] {
            let error = GroupsFile::parse(text, &[]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("the groups file, line {line}: ")), "{error}");
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_no_text_says_where() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("groups");
        fs::write(&path, b"sales: ann\n\xFF: bob\n").unwrap();
        let error = GroupsFile::read(&path, &[]).unwrap_err().to_string();
        assert_eq!(error, "the groups file, line 2: it is no text in UTF-8");
        assert!(
            GroupsFile::read(&folder.path().join("none"), &[]).unwrap_err().to_string().starts_with("groups file ")
        );
    }
}
