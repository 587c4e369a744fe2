//! Provision Command Errors, section 3.1.5.2 of \[MS-ASPROV\]: the table everything else is driven by.
//!
//! Six rows for the Status of Provision, five for the Status of Policy. The server's decision produces each of them,
//! the client's state machine resolves each by its [`Resolution`], and `explain`, `demo`, the README and the tests read
//! their words from here. A row is data; nothing in this file decides anything.
//!
//! ```
//! use asprov_protocol::provision_command_errors::{self, Resolution};
//! use asprov_protocol::status::Scope;
//!
//! let row = provision_command_errors::row(Scope::Policy, 5).unwrap();
//! assert_eq!(row.name, "PolicyKeyMismatch");
//! assert_eq!(row.action, Resolution::ProvisionAgain);
//! ```

use core::fmt::Write as _;

use crate::status::Scope;
use crate::version::ProtocolVersion;

/// What the client does about a row, as a choice its state machine can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// Go on: apply the policy, acknowledge it, or use the new key.
    Proceed,
    /// Build the request again, correctly, and send it.
    CorrectRequest,
    /// Send the same request again after a pause.
    Retry,
    /// Stop and tell the user that an administrator has to act.
    Administrator,
    /// Send a policy key with the request, beginning with 0, and provision.
    SendPolicyKey,
    /// Begin a new initial request with the key 0.
    ProvisionAgain,
    /// Nothing has to be applied: go on without a policy.
    GoOnWithoutPolicy,
    /// Ask again with the PolicyType that belongs to the protocol version.
    UseOtherPolicyType,
}

/// One row of section 3.1.5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProvisionCommandError {
    /// [`Scope::Provision`] or [`Scope::Policy`].
    pub scope: Scope,
    /// The value of the Status element.
    pub code: u16,
    /// The name by which `explain` and the API call it.
    pub name: &'static str,
    /// What the value says.
    pub meaning: &'static str,
    /// How it comes about.
    pub cause: &'static str,
    /// What has to be done, in words.
    pub resolution: &'static str,
    /// What the client does by itself.
    pub action: Resolution,
    /// When asprov's server sends it.
    pub server_sends_when: &'static str,
    /// What asprov's client does then, and how it ends.
    pub client_then: &'static str,
    /// The test in `tests/provision_command_errors.rs` that shows the row over the wire.
    pub test: &'static str,
    /// The first protocol version that has the value.
    pub first_version: ProtocolVersion,
    /// Where the specification defines it.
    pub section: &'static str,
}

const SECTION: &str = "[MS-ASPROV] 3.1.5.2";

/// The 11 rows: Provision 1, 2, 3, 139, 141, 145, then Policy 1 to 5.
pub static ROWS: [ProvisionCommandError; 11] = ALL;

// A constant, so that the status table can be computed from it when it is compiled.
pub(crate) const ALL: [ProvisionCommandError; 11] = [
    // [MS-ASPROV] 3.1.5.2 (R678, R441, R449)
    ProvisionCommandError {
        scope: Scope::Provision,
        code: 1,
        name: "Success",
        meaning: "The server handled the request.",
        cause: "The Policies element holds the answer, a wipe report was recorded, or nothing was waiting for the device.",
        resolution: "Apply the policy that came, then acknowledge it.",
        action: Resolution::Proceed,
        server_sends_when: "the request is understood and the device is neither refused nor in want of DeviceInformation",
        client_then: "applies the policy, acknowledges it at once and keeps the permanent key",
        test: "provision_1_success_and_the_client_applies_the_policy",
        first_version: ProtocolVersion::V2_5,
        section: SECTION,
    },
    // [MS-ASPROV] 3.1.5.2 (R679, R450, R451); 3.2.5.2 (R704, R497, R498)
    ProvisionCommandError {
        scope: Scope::Provision,
        code: 2,
        name: "ProtocolError",
        meaning: "The Provision request breaks the rules of the protocol.",
        cause: "An element is missing, misplaced or has a value it may not have; a wipe that the device reports as failed is answered the same way.",
        resolution: "Correct the request and send it again.",
        action: Resolution::CorrectRequest,
        server_sends_when: "the body is not the Provision grammar, PolicyType is missing, an acknowledgment is none of 1 to 4, or the device reports that its wipe failed",
        client_then: "builds the request anew from the specification and sends it once more; a second refusal ends the attempt with the reason",
        test: "provision_2_a_protocol_error_is_corrected_and_sent_again",
        first_version: ProtocolVersion::V2_5,
        section: SECTION,
    },
    // [MS-ASPROV] 3.1.5.2 (R680, R452, R454); 3.2.5.2 (R706, R504, R505)
    ProvisionCommandError {
        scope: Scope::Provision,
        code: 3,
        name: "ServerError",
        meaning: "The server could not do its part.",
        cause: "The server is misconfigured, short of something it needs, or in trouble that usually passes.",
        resolution: "Send the request again after a while; if that never helps, the server's administrator has to look.",
        action: Resolution::Retry,
        server_sends_when: "its store is away, or stays busy however often the decision is made again",
        client_then: "waits, longer each time, and repeats the request until the store is back or its attempts are used up",
        test: "provision_3_a_server_error_is_retried_until_the_store_is_back",
        first_version: ProtocolVersion::V2_5,
        section: SECTION,
    },
    // [MS-ASPROV] 3.1.5.2 (R681, R455, R684, R456)
    ProvisionCommandError {
        scope: Scope::Provision,
        code: 139,
        name: "DeviceNotFullyProvisionable",
        meaning: "The device cannot meet the whole policy, and the server admits no device that does not.",
        cause: "The acknowledgment said that the policy was applied in part or not at all.",
        resolution: "An administrator has to relax the policy, allow partial compliance, or give the user another device.",
        action: Resolution::Administrator,
        server_sends_when: "an acknowledgment says 2 and the policy does not set allow_partial, or says 3 (12.1 and older: HTTP 403)",
        client_then: "stops, and names the settings it could not apply for the administrator",
        test: "provision_139_a_partial_acknowledgment_is_refused_and_the_administrator_decides",
        first_version: ProtocolVersion::V14_0,
        section: SECTION,
    },
    // [MS-ASPROV] 3.1.5.2 (R682, R458, R685, R460)
    ProvisionCommandError {
        scope: Scope::Provision,
        code: 141,
        name: "LegacyDeviceOnStrictPolicy",
        meaning: "The server takes the device for one that cannot be provisioned.",
        cause: "The request carried no policy key, and the server insists on one.",
        resolution: "Send a policy key with every request, beginning with 0, and provision.",
        action: Resolution::SendPolicyKey,
        server_sends_when: "any command but Provision comes without a key and the policy does not set allow_non_provisionable (12.1 and older: HTTP 449)",
        client_then: "provisions with the key 0 and repeats the command with the permanent key",
        test: "provision_141_a_command_without_a_key_is_refused_and_the_client_sends_one",
        first_version: ProtocolVersion::V14_0,
        section: SECTION,
    },
    // [MS-ASPROV] 3.1.5.2 (R686, R461, R687, R463, R464)
    ProvisionCommandError {
        scope: Scope::Provision,
        code: 145,
        name: "ExternallyManagedDevicesNotAllowed",
        meaning: "The device is managed by somebody else, and the server admits no such device.",
        cause: "The acknowledgment said that a third party provisions the device.",
        resolution: "Provision again and let this policy replace the external one, or ask the administrator to allow it.",
        action: Resolution::ProvisionAgain,
        server_sends_when: "an acknowledgment says 4 and the policy does not set allow_externally_managed (12.1 and older: HTTP 403)",
        client_then: "provisions once more and applies the server's policy itself; refused again, it turns to the administrator",
        test: "provision_145_an_externally_managed_device_is_refused_and_provisions_again",
        first_version: ProtocolVersion::V14_0,
        section: SECTION,
    },
    // [MS-ASPROV] 3.1.5.2 (R688, R466, R467); 3.2.5.2 (R703, R495, R496)
    ProvisionCommandError {
        scope: Scope::Policy,
        code: 1,
        name: "Success",
        meaning: "The policy is in this answer, or its acknowledgment is recorded.",
        cause: "The server has a policy of the type asked for, or the acknowledged key is the one it offered.",
        resolution: "Apply the policy and acknowledge it; after the acknowledgment, use the new key.",
        action: Resolution::Proceed,
        server_sends_when: "it offers the policy with a temporary key, and again when it accepts the acknowledgment with the permanent key",
        client_then: "acknowledges with the temporary key and sends the permanent key from then on",
        test: "policy_1_success_and_the_client_acknowledges",
        first_version: ProtocolVersion::V2_5,
        section: SECTION,
    },
    // [MS-ASPROV] 3.1.5.2 (R689, R468, R469); 3.2.5.2 (R709, R499, R500)
    ProvisionCommandError {
        scope: Scope::Policy,
        code: 2,
        name: "NoPolicy",
        meaning: "There is no policy for this device.",
        cause: "No policy of the type asked for is defined for the user or the device.",
        resolution: "Send no policy information; there is nothing to apply.",
        action: Resolution::GoOnWithoutPolicy,
        server_sends_when: "no policy is assigned to the device, its user or everybody",
        client_then: "goes on without a policy and repeats the command it came for",
        test: "policy_2_no_policy_and_the_client_goes_on_without",
        first_version: ProtocolVersion::V2_5,
        section: SECTION,
    },
    // [MS-ASPROV] 3.1.5.2 (R690, R471, R472); 3.2.5.2 (R705, R502, R503)
    ProvisionCommandError {
        scope: Scope::Policy,
        code: 3,
        name: "UnknownPolicyType",
        meaning: "The server does not know the PolicyType that was sent.",
        cause: "The text of PolicyType is neither of the two types, or belongs to another protocol version.",
        resolution: "Send MS-EAS-Provisioning-WBXML from version 12.0 on, MS-WAP-Provisioning-XML with 2.5.",
        action: Resolution::UseOtherPolicyType,
        server_sends_when: "PolicyType is any other text than the one of the request's protocol version, compared exactly",
        client_then: "asks again with the type of its protocol version",
        test: "policy_3_an_unknown_policy_type_is_replaced_by_the_right_one",
        first_version: ProtocolVersion::V2_5,
        section: SECTION,
    },
    // [MS-ASPROV] 3.1.5.2 (R691, R473, R474)
    ProvisionCommandError {
        scope: Scope::Policy,
        code: 4,
        name: "PolicyDataDamaged",
        meaning: "The policy stored on the server is damaged.",
        cause: "The stored policy can no longer be read; somebody may have tampered with it.",
        resolution: "An administrator has to repair or replace the policy.",
        action: Resolution::Administrator,
        server_sends_when: "the row of the assigned policy in its store cannot be read",
        client_then: "applies nothing, stops and says that the administrator has to repair the policy",
        test: "policy_4_damaged_policy_data_goes_to_the_administrator",
        first_version: ProtocolVersion::V2_5,
        section: SECTION,
    },
    // [MS-ASPROV] 3.1.5.2 (R692, R475, R761, R476); 3.2.5.1.2.1 (R657, R658); 3.2.5.2 (R708, R507, R508)
    ProvisionCommandError {
        scope: Scope::Policy,
        code: 5,
        name: "PolicyKeyMismatch",
        meaning: "The acknowledged policy key is not the one the server offered.",
        cause: "The device acknowledged an older policy, or the policy changed between the offer and the acknowledgment.",
        resolution: "Begin again with an initial request and acknowledge the key that comes.",
        action: Resolution::ProvisionAgain,
        server_sends_when: "nothing was offered to the device, the key is another one, or the policy changed since the offer",
        client_then: "drops the key, sends a new initial request with the key 0 and acknowledges what it gets",
        test: "policy_5_an_out_of_date_key_is_refused_and_the_client_provisions_again",
        first_version: ProtocolVersion::V2_5,
        section: SECTION,
    },
];

/// The row of a code; `None` for every scope but Provision and Policy, and for codes outside section 3.1.5.2.
pub fn row(scope: Scope, code: u16) -> Option<&'static ProvisionCommandError> {
    ROWS.iter().find(|row| row.scope == scope && row.code == code)
}

/// The two tables as the README shows them.
pub fn table_markdown() -> String {
    let mut text = String::new();
    for (scope, title) in [(Scope::Provision, "Status of Provision"), (Scope::Policy, "Status of Policy")] {
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "**{title}**\n\n\
             | Code | Meaning | Cause | Resolution | the server sends it when | the client then | test |\n\
             | --- | --- | --- | --- | --- | --- | --- |\n"
        );
        for row in ROWS.iter().filter(|row| row.scope == scope) {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | [`{}`](crates/protocol/tests/provision_command_errors.rs) |",
                row.code, row.meaning, row.cause, row.resolution, row.server_sends_when, row.client_then, row.test
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_six_provision_rows_and_five_policy_rows_in_the_order_of_the_section() {
        let codes: Vec<_> = ROWS.iter().map(|row| (row.scope, row.code)).collect();
        let provision = [1, 2, 3, 139, 141, 145].map(|code| (Scope::Provision, code));
        let policy = [1, 2, 3, 4, 5].map(|code| (Scope::Policy, code));
        assert_eq!(codes, [&provision[..], &policy[..]].concat());
    }

    #[test]
    fn no_cell_is_empty_or_breaks_a_table() {
        for row in &ROWS {
            let cells = [row.meaning, row.cause, row.resolution, row.server_sends_when, row.client_then];
            for cell in cells {
                assert!(cell.len() > 10 && cell.trim() == cell, "{} {}: {cell:?}", row.scope, row.code);
                assert!(!cell.contains(['|', '\n']), "{} {}: {cell:?}", row.scope, row.code);
            }
            assert!(row.name.chars().all(char::is_alphanumeric) && !row.name.is_empty());
        }
    }

    #[test]
    fn a_test_is_named_after_its_row_and_can_be_a_function() {
        for row in &ROWS {
            let start = format!("{}_{}_", row.scope, row.code);
            assert!(row.test.starts_with(&start), "{} should start with {start}", row.test);
            assert!(row.test.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'));
        }
        let names: std::collections::BTreeSet<_> = ROWS.iter().map(|row| row.test).collect();
        assert_eq!(names.len(), ROWS.len());
    }

    #[test]
    fn codes_of_the_common_range_exist_from_14_0_on_and_the_others_always() {
        // [MS-ASPROV] 3.1.5.2 (R1034)
        for row in &ROWS {
            let first = if row.code > 100 { ProtocolVersion::V14_0 } else { ProtocolVersion::V2_5 };
            assert_eq!(row.first_version, first, "{} {}", row.scope, row.code);
        }
    }

    #[test]
    fn a_row_is_found_by_scope_and_code() {
        assert_eq!(row(Scope::Policy, 2).map(|row| row.action), Some(Resolution::GoOnWithoutPolicy));
        assert_eq!(row(Scope::Common, 139), None);
        assert_eq!(row(Scope::Provision, 4), None);
    }

    #[test]
    fn the_markdown_holds_two_tables_of_seven_columns() {
        let text = table_markdown();
        let rows: Vec<_> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(rows.len(), 2 * 2 + ROWS.len());
        for line in &rows {
            assert_eq!(line.matches('|').count(), 8, "{line}");
        }
        assert!(rows[0].starts_with("| Code | Meaning | Cause | Resolution |"));
        assert!(rows[5].starts_with("| 139 |") && rows[14].starts_with("| 5 |"));
    }
}
