//! The four tables of the Provision command: Provision and Policy as section 3.1.5.2 of \[MS-ASPROV\] has them, and what
//! a device reports about a policy (2.2.2.54.1) and a wipe (2.2.2.54.3).

use super::{Scope, StatusRow, common};
use crate::provision_command_errors::{self, ProvisionCommandError};
use crate::version::ProtocolVersion;

/// The rows of section 3.1.5.2, seen as statuses. They are written once, in `provision_command_errors.rs`.
#[expect(clippy::indexing_slicing, reason = "the compiler computes the rows, and a wrong index does not compile")]
pub(super) static ERRORS: [StatusRow; provision_command_errors::ALL.len()] = {
    let mut rows = [status_row(&provision_command_errors::ALL[0]); provision_command_errors::ALL.len()];
    let mut at = 1;
    while at < rows.len() {
        rows[at] = status_row(&provision_command_errors::ALL[at]);
        at += 1;
    }
    rows
};

const fn status_row(row: &ProvisionCommandError) -> StatusRow {
    StatusRow {
        scope: row.scope,
        code: row.code,
        name: row.name,
        meaning: row.meaning,
        cause: row.cause,
        resolution: row.resolution,
        first_version: row.first_version,
        // 139, 141 and 145 are common codes as well, and so is what older versions get in their place.
        http: common::http(row.code),
        section: row.section,
    }
}

const ACKNOWLEDGMENT: &str = "[MS-ASPROV] 2.2.2.54.1";
const WIPE: &str = "[MS-ASPROV] 2.2.2.54.3";

const fn report(
    scope: Scope,
    code: u16,
    name: &'static str,
    [meaning, cause, resolution]: [&'static str; 3],
    section: &'static str,
) -> StatusRow {
    let first_version = ProtocolVersion::V2_5;
    StatusRow { scope, code, name, meaning, cause, resolution, first_version, http: None, section }
}

/// What a device reports to the server.
pub(super) static REPORTS: &[StatusRow] = &[
    report(
        Scope::Acknowledgment,
        1,
        "Applied",
        [
            "The device applied the whole policy.",
            "Every setting is in force; settings for hardware or software the device does not have count as applied.",
            "The server answers with the permanent key; nothing else has to be done.",
        ],
        ACKNOWLEDGMENT,
    ),
    report(
        Scope::Acknowledgment,
        2,
        "AppliedInPart",
        [
            "The device applied a part of the policy, the password at least.",
            "Some setting asks for something the device cannot enforce, or has a value it cannot read.",
            "Set allow_partial to admit such devices, or relax the settings that the device cannot meet.",
        ],
        ACKNOWLEDGMENT,
    ),
    report(
        Scope::Acknowledgment,
        3,
        "NotApplied",
        [
            "The device applied nothing of the policy.",
            "The device cannot enforce policies, or its user declined.",
            "Let the user accept the policy on the device and provision again; no key is given out until then.",
        ],
        ACKNOWLEDGMENT,
    ),
    report(
        Scope::Acknowledgment,
        4,
        "ExternallyManaged",
        [
            "A third party provisions the device.",
            "The device is enrolled with another management service and follows that one's policy.",
            "Set allow_externally_managed to admit such devices, or let the device provision again with this policy.",
        ],
        ACKNOWLEDGMENT,
    ),
    report(
        Scope::Wipe,
        1,
        "Success",
        [
            "The device carries out the wipe.",
            "The device received the directive and removes its data, or the account's data for an account-only wipe.",
            "The wipe is confirmed; the device stays out until an administrator forgets it.",
        ],
        WIPE,
    ),
    report(
        Scope::Wipe,
        2,
        "Failure",
        [
            "The device could not carry out the wipe.",
            "Its system refused, or the data could not be removed.",
            "The wipe stays due and is offered again; have the device returned if it keeps failing.",
        ],
        WIPE,
    ),
];
