//! OPTIONS (\[MS-ASHTTP\] 2.2.3, 3.1.5.3): which versions and commands a server knows.

use ::http::HeaderMap;

use super::command::COMMANDS;
use super::{headers, limits};
use crate::version::ProtocolVersion;

/// What a server says it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The versions it speaks, oldest first. Those that asprov does not know (2.0, 2.1) are left out.
    pub versions: Vec<ProtocolVersion>,
    /// The names of its commands, in its order.
    pub commands: Vec<String>,
}

/// Why an answer to OPTIONS cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// A required header is not there: most likely this is no ActiveSync server.
    #[error("the answer to OPTIONS has no {name} header")]
    Missing {
        /// The header.
        name: &'static str,
    },
    /// The list is longer than any server's.
    #[error("{name} lists more than {most} items")]
    TooMany {
        /// The header.
        name: &'static str,
        /// The most that are read.
        most: usize,
    },
}

impl Options {
    /// The value of MS-Server-ActiveSync: the newest version this server speaks.
    pub const SERVER_VERSION: &'static str = ProtocolVersion::V16_1.as_str();

    /// What asprov's own server knows: every version and every command name.
    pub fn server() -> Self {
        Self {
            versions: ProtocolVersion::ALL.to_vec(),
            commands: COMMANDS.iter().map(|row| row.name.to_owned()).collect(),
        }
    }

    /// The headers of the answer, as name and value. Both lists are a MUST ([MS-ASHTTP] R1107).
    pub fn server_headers(&self) -> [(&'static str, String); 3] {
        let versions: Vec<&str> = self.versions.iter().map(|version| version.as_str()).collect();
        [
            (headers::MS_SERVER_ACTIVE_SYNC, Self::SERVER_VERSION.to_owned()),
            (headers::MS_AS_PROTOCOL_VERSIONS, versions.join(",")),
            (headers::MS_AS_PROTOCOL_COMMANDS, self.commands.join(",")),
        ]
    }

    /// Reads the answer of a server. Blanks around items, repeated headers and unknown versions are taken; a missing
    /// list of commands is an empty one, since only the versions decide how to go on.
    ///
    /// # Errors
    /// When MS-ASProtocolVersions is missing, or a list is longer than [`limits::OPTIONS_ITEMS`].
    pub fn parse(headers: &HeaderMap) -> Result<Self, OptionsError> {
        if !headers.contains_key(headers::MS_AS_PROTOCOL_VERSIONS) {
            return Err(OptionsError::Missing { name: headers::MS_AS_PROTOCOL_VERSIONS });
        }
        let mut versions: Vec<ProtocolVersion> =
            items(headers, headers::MS_AS_PROTOCOL_VERSIONS)?.iter().filter_map(|item| item.parse().ok()).collect();
        versions.sort_unstable();
        versions.dedup();
        Ok(Self { versions, commands: items(headers, headers::MS_AS_PROTOCOL_COMMANDS)? })
    }

    /// The highest version that both sides speak ([MS-ASHTTP] R254); `None` when there is none.
    pub fn highest_common_version(&self, own: &[ProtocolVersion]) -> Option<ProtocolVersion> {
        self.versions.iter().copied().filter(|version| own.contains(version)).max()
    }
}

/// The comma separated items of a header, over all its lines.
fn items(headers: &HeaderMap, name: &'static str) -> Result<Vec<String>, OptionsError> {
    let mut items = Vec::new();
    for line in headers.get_all(name) {
        let text = String::from_utf8_lossy(line.as_bytes());
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            if items.len() == limits::OPTIONS_ITEMS {
                return Err(OptionsError::TooMany { name, most: limits::OPTIONS_ITEMS });
            }
            items.push(item.to_owned());
        }
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ProtocolVersion as V;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn the_server_lists_every_version_and_every_command_in_the_order_of_the_specification() {
        let [(_, server), (_, versions), (_, commands)] = Options::server().server_headers();
        assert_eq!(server, "16.1");
        assert_eq!(versions, "2.5,12.0,12.1,14.0,14.1,16.0,16.1");
        assert_eq!(
            commands,
            "Sync,SendMail,SmartForward,SmartReply,GetAttachment,GetHierarchy,CreateCollection,DeleteCollection,\
             MoveCollection,FolderSync,FolderCreate,FolderDelete,FolderUpdate,MoveItems,GetItemEstimate,\
             MeetingResponse,Search,Settings,Ping,ItemOperations,Provision,ResolveRecipients,ValidateCert,Find"
        );
    }

    #[test]
    fn what_the_server_says_is_what_the_client_reads() {
        let own = Options::server();
        let pairs = own.server_headers();
        let pairs: Vec<(&'static str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(Options::parse(&headers(&pairs)), Ok(own));
    }

    #[test]
    fn versions_that_nobody_speaks_today_are_left_out_and_the_highest_common_one_is_used() {
        let map = headers(&[("ms-asprotocolversions", "2.0, 2.1,14.1,2.5 ,12.1,17.0,"), ("MS-ASPROTOCOLCOMMANDS", "")]);
        let options = Options::parse(&map).unwrap();
        assert_eq!(options.versions, [V::V2_5, V::V12_1, V::V14_1]);
        assert_eq!(options.highest_common_version(&V::ALL), Some(V::V14_1));
        assert_eq!(options.highest_common_version(&[V::V12_1, V::V16_1]), Some(V::V12_1));
        assert_eq!(options.highest_common_version(&[V::V16_0]), None);
    }

    #[test]
    fn an_answer_without_versions_is_not_from_an_active_sync_server() {
        let error = Options::parse(&HeaderMap::new()).unwrap_err();
        assert_eq!(error.to_string(), "the answer to OPTIONS has no MS-ASProtocolVersions header");
        let long = vec!["x"; limits::OPTIONS_ITEMS + 1].join(",");
        let map = headers(&[(headers::MS_AS_PROTOCOL_VERSIONS, "14.1"), (headers::MS_AS_PROTOCOL_COMMANDS, &long)]);
        assert!(matches!(Options::parse(&map), Err(OptionsError::TooMany { .. })));
    }
}
