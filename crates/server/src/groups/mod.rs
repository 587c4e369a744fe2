//! Which groups users are in: from a groups file, or from what a trusted proxy says with each request.
//!
//! The store keeps the groups, since policies are assigned to them and an administrator wants to see them. This module
//! tells it, and only when something has changed.

mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use asprov_protocol::device::{DeviceError, GroupName, UserName};
use asprov_store::{Store, StoreError, limits};
use http::{HeaderMap, HeaderName};
use moka::sync::Cache;

pub use self::file::{FILE_BYTES, GroupsFile, GroupsFileError};
use crate::config::Config;
use crate::connection::network::{Connection, is_trusted};
use crate::sign_in::Stamp;

/// Where the groups of users come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GroupSource {
    /// Nobody says anything about groups; what the store has stays as it is.
    #[default]
    None,
    /// A file, looked at again when it changes, at most once a second.
    File {
        /// The file.
        path: PathBuf,
        /// Domains that are left out of a user's name, as in
        /// [`UserName::from_sign_in`](asprov_protocol::device::UserName::from_sign_in).
        domains: Vec<String>,
    },
    /// A header that a trusted proxy sends with every request of a signed-in user, with commas between the groups. What
    /// anybody else sends under that name is not looked at. A request of the proxy without it says that the user is in no
    /// group.
    Header(HeaderName),
}

/// How long a user's groups are taken as written. Another node may have written others since.
const WRITTEN_FOR: Duration = Duration::from_secs(60);
/// Users whose groups are known as written, some 2 MiB.
const USERS: u64 = 10_000;

/// The source at work.
pub(crate) struct Groups {
    source: GroupSource,
    written: Cache<UserName, BTreeSet<GroupName>>,
    file: Mutex<FileState>,
}

/// What was read of the file last.
#[derive(Default)]
struct FileState {
    stamp: Option<Stamp>,
    /// What is not in the store yet.
    unwritten: Option<GroupsFile>,
}

impl Groups {
    pub(crate) fn new(source: GroupSource) -> Self {
        let written = Cache::builder().max_capacity(USERS).time_to_live(WRITTEN_FOR).build();
        Self { source, written, file: Mutex::default() }
    }

    /// Writes down what the headers of a request say about its user, if it is news.
    ///
    /// # Errors
    /// When the store does not take it: nobody can say then which policy applies.
    pub(crate) async fn told(
        &self,
        store: &dyn Store,
        user: &UserName,
        (connection, headers): (Option<&Connection>, &HeaderMap),
        config: &Config,
    ) -> Result<(), StoreError> {
        let GroupSource::Header(name) = &self.source else { return Ok(()) };
        if !connection.is_some_and(|connection| is_trusted(connection.peer.ip().to_canonical(), config)) {
            return Ok(());
        }
        let groups = match of_header(headers, name) {
            Ok(groups) => groups,
            Err(error) => {
                tracing::warn!(%user, "the header {name} of a trusted proxy cannot be used, the user's groups stay: {error}");
                return Ok(());
            }
        };
        if self.written.get(user).is_some_and(|written| written == groups) {
            return Ok(());
        }
        let write = async {
            if store.groups_of(user).await? != groups && store.put_groups(user, &groups).await? {
                tracing::info!(%user, groups = %listed(&groups), "the user is in other groups");
            }
            Ok(())
        };
        match tokio::time::timeout(config.limits.store_time, write).await {
            Ok(Ok(())) => {
                self.written.insert(user.clone(), groups);
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(StoreError::Away("it did not answer in time".to_owned())),
        }
    }

    /// Looks whether the file has changed, and writes down what it says.
    pub(crate) async fn attend(&self, store: &dyn Store) {
        let GroupSource::File { path, domains } = &self.source else { return };
        let (path, domains, before) = (path.clone(), domains.clone(), self.file().stamp);
        let read = tokio::task::spawn_blocking(move || {
            let stamp = Stamp::of(&path);
            (stamp != before).then(|| (stamp, GroupsFile::read(&path, &domains)))
        });
        if let Ok(Some((stamp, read))) = read.await {
            let mut state = self.file();
            state.stamp = stamp;
            match read {
                Ok(file) => state.unwritten = Some(file),
                Err(error) => tracing::error!("the groups file cannot be used, so everybody's groups stay: {error}"),
            }
        }
        let Some(file) = self.file().unwritten.clone() else { return };
        match file.write(store).await {
            Ok(changed) => {
                self.file().unwritten = None;
                if changed > 0 {
                    tracing::info!(users = changed, "users are in other groups, as the groups file says");
                }
            }
            Err(error) => tracing::error!("what the groups file says is not written yet: {error}"),
        }
    }

    fn file(&self) -> std::sync::MutexGuard<'_, FileState> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets the groups of everybody, for a server that has no source of groups any more; says of how many users.
///
/// # Errors
/// When the store does not do it.
pub async fn forget_groups(store: &dyn Store) -> Result<usize, StoreError> {
    write_all(&BTreeMap::new(), store).await
}

async fn write_all(groups: &BTreeMap<UserName, BTreeSet<GroupName>>, store: &dyn Store) -> Result<usize, StoreError> {
    let none = BTreeSet::new();
    let before = store.groups().await?;
    let mut changed = 0;
    for user in before.keys().chain(groups.keys().filter(|user| !before.contains_key(*user))) {
        let wanted = groups.get(user).unwrap_or(&none);
        if before.get(user).unwrap_or(&none) != wanted && store.put_groups(user, wanted).await? {
            changed += 1;
        }
    }
    Ok(changed)
}

/// Why a header says nothing about groups.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum HeaderFault {
    #[error("it is no text in UTF-8")]
    NoText,
    #[error(transparent)]
    Name(#[from] DeviceError),
    #[error("more than {} groups", limits::GROUPS_PER_USER)]
    TooMany,
}

fn of_header(headers: &HeaderMap, name: &HeaderName) -> Result<BTreeSet<GroupName>, HeaderFault> {
    let mut groups = BTreeSet::new();
    for line in headers.get_all(name) {
        let text = str::from_utf8(line.as_bytes()).map_err(|_| HeaderFault::NoText)?;
        for group in text.split(',').map(str::trim).filter(|group| !group.is_empty()) {
            groups.insert(GroupName::new(group)?);
            if groups.len() > limits::GROUPS_PER_USER {
                return Err(HeaderFault::TooMany);
            }
        }
    }
    Ok(groups)
}

fn listed(groups: &BTreeSet<GroupName>) -> String {
    let names: Vec<&str> = groups.iter().map(GroupName::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_lists_groups_with_commas_in_one_line_or_several() {
        let name = HeaderName::from_static("remote-groups");
        let mut headers = HeaderMap::new();
        assert_eq!(of_header(&headers, &name), Ok(BTreeSet::new()));
        headers.append(&name, "Sales, ,Domain Users,".parse().unwrap());
        headers.append(&name, http::HeaderValue::from_bytes("büro".as_bytes()).unwrap());
        let groups = of_header(&headers, &name).unwrap();
        assert_eq!(listed(&groups), "büro, domain users, sales");
        headers.append(&name, "a:b".parse().unwrap());
        assert!(of_header(&headers, &name).unwrap_err().to_string().contains("':'"));
        headers.insert(&name, http::HeaderValue::from_bytes(b"\xFF").unwrap());
        assert_eq!(of_header(&headers, &name), Err(HeaderFault::NoText));
        let many: Vec<String> = (0..=limits::GROUPS_PER_USER).map(|number| format!("g{number}")).collect();
        headers.insert(&name, many.join(",").parse().unwrap());
        assert_eq!(of_header(&headers, &name), Err(HeaderFault::TooMany));
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_used_any_more_leaves_everybody_where_he_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("groups");
        let store = asprov_store::MemoryStore::new();
        let groups = Groups::new(GroupSource::File { path: path.clone(), domains: Vec::new() });
        let user = |name: &str| UserName::new(name).unwrap();
        for (text, expected) in
            [("sales: ann\n", "sales"), ("sales ann bob\n", "sales"), ("# nobody is left\n", "none")]
        {
            std::fs::write(&path, text).unwrap();
            groups.attend(&store).await;
            assert_eq!(listed(&store.groups_of(&user("ann")).await.unwrap()), expected, "{text}");
            assert_eq!(listed(&store.groups_of(&user("bob")).await.unwrap()), "none", "{text}");
        }
    }
}
