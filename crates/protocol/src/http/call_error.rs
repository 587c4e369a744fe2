//! Why a request is no call at all, and which HTTP status that is. These answers depend on no device and no policy.

use super::base64_query::Base64Fault;
use crate::version::ProtocolVersion;

/// Why a request cannot be read. Whatever came is shown cut, and never the policy key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The path is not that of the protocol.
    #[error("path `{came}`, expected {}", super::PATH)]
    WrongPath {
        /// What came.
        came: String,
    },
    /// The method is neither POST nor OPTIONS.
    #[error("method {came}, expected POST or OPTIONS")]
    UnknownMethod {
        /// What came.
        came: String,
    },
    /// No command has this name or code.
    #[error("unknown command {came} in {place}, expected the exact name or the code of a command")]
    UnknownCommand {
        /// What came.
        came: String,
        /// Where: the Cmd parameter or the command code.
        place: &'static str,
    },
    /// No version has this text or byte.
    #[error("unknown protocol version {came} in {place}, expected one of {}", versions())]
    UnknownVersion {
        /// What came.
        came: String,
        /// Where: the header or the version byte.
        place: &'static str,
    },
    /// A plain query came without the version.
    #[error("the MS-ASProtocolVersion header is missing, expected one of {}", versions())]
    MissingVersion,
    /// A parameter that may be there once came twice.
    #[error("{parameter} is in the query twice, expected once")]
    Duplicate {
        /// The parameter.
        parameter: &'static str,
    },
    /// A header came twice with different values.
    #[error("header {name} is there twice with different values, expected one")]
    HeaderTwice {
        /// The header.
        name: &'static str,
    },
    /// No command is named.
    #[error("the query names no command, expected Cmd=NAME or a base64 value")]
    MissingCommand,
    /// A percent sign without two hexadecimal digits.
    #[error("`{came}` at character {at} of the query, expected % and two hexadecimal digits")]
    Escape {
        /// The percent sign and what follows it.
        came: String,
        /// Its place in the query, counted from 1.
        at: usize,
    },
    /// A name or value that is no text.
    #[error("the parameter at character {at} of the query is no UTF-8")]
    NotUtf8 {
        /// Its place in the query, counted from 1.
        at: usize,
    },
    /// A base64 query and plain parameters at once: two readings of one request.
    #[error("a base64 query together with plain parameters at character {at}, expected one of the two")]
    Mixed {
        /// Where the part of the other form begins, counted from 1.
        at: usize,
    },
    /// A base64 query that cannot be read.
    #[error("base64 query: {0}")]
    Base64(#[from] Base64Fault),
    /// The query is too long.
    #[error("the query has {came} bytes, expected {most} at most")]
    TooLong {
        /// Its length.
        came: usize,
        /// The limit.
        most: usize,
    },
    /// The query has too many parameters.
    #[error("the query has more than {most} parameters")]
    TooManyParameters {
        /// The limit.
        most: usize,
    },
}

impl CallError {
    /// The HTTP status to answer with (\[MS-ASHTTP\] 2.2.1.2.1.1).
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::WrongPath { .. } => 404,
            Self::UnknownMethod { .. } | Self::UnknownCommand { .. } => 501,
            Self::TooLong { .. } => 414,
            Self::UnknownVersion { .. }
            | Self::MissingVersion
            | Self::Duplicate { .. }
            | Self::HeaderTwice { .. }
            | Self::MissingCommand
            | Self::Escape { .. }
            | Self::NotUtf8 { .. }
            | Self::Mixed { .. }
            | Self::Base64(_)
            | Self::TooManyParameters { .. } => 400,
        }
    }
}

fn versions() -> String {
    ProtocolVersion::ALL.map(ProtocolVersion::as_str).join(", ")
}
