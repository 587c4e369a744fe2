//! `asprov device export`: the inventory as CSV (RFC 4180) or JSON.
//!
//! What a device says of itself may begin like a formula, and a spreadsheet would run it: such a field gets an apostrophe in
//! front.

use std::io;

use asprov_protocol::device::is_obeyed;
use serde_json::Value;

use crate::admin_api::text_of;
use crate::explain::write_json;
use crate::failure::Failure;

/// How the inventory is written.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// A line a device, with a line of names first
    Csv,
    /// Everything the API says of each device
    Json,
}

/// The columns: the name, and where the value is in the API's answer.
const COLUMNS: [(&str, &[&str]); 21] = [
    ("user", &["user"]),
    ("device_id", &["device_id"]),
    ("device_type", &["device_type"]),
    ("model", &["device_information", "Model"]),
    ("os", &["device_information", "OS"]),
    ("friendly_name", &["device_information", "FriendlyName"]),
    ("imei", &["device_information", "IMEI"]),
    ("phone_number", &["device_information", "PhoneNumber"]),
    ("user_agent", &["user_agent"]),
    ("protocol_version", &["protocol_version"]),
    ("phase", &["phase"]),
    ("policy", &["policy"]),
    ("acknowledged_policy", &["acknowledged_policy"]),
    ("acknowledgment", &["acknowledgment", "status"]),
    ("access", &["access", "state"]),
    ("access_reason", &["access", "reason"]),
    ("wipe", &["wipe", "state"]),
    ("wipe_requested_at", &["wipe", "requested_at"]),
    ("wipe_acknowledged_at", &["wipe", "acknowledged_at"]),
    ("first_seen_at", &["first_seen_at"]),
    ("last_seen_at", &["last_seen_at"]),
];

pub(super) fn write(devices: &[Value], format: Format, out: &mut dyn io::Write) -> Result<(), Failure> {
    if format == Format::Json {
        return write_json(out, &devices);
    }
    let line = |fields: Vec<String>| fields.join(",") + "\r\n";
    out.write_all(line(COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect()).as_bytes())?;
    for device in devices {
        let value = |path: &[&str]| text_of(path.iter().try_fold(device, |value, name| value.get(name)));
        out.write_all(line(COLUMNS.iter().map(|(_, path)| field(&value(path))).collect()).as_bytes())?;
    }
    Ok(())
}

/// A field that no spreadsheet takes for a formula, that stays in its place, and of which a terminal obeys nothing.
fn field(text: &str) -> String {
    let text: String = text.chars().map(|c| if is_obeyed(c) { ' ' } else { c }).collect();
    // A blank in front does not keep a spreadsheet from it.
    let formula = text.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let text = if formula { format!("\'{text}") } else { text };
    if text.contains(['"', ',', ';']) || text.starts_with(' ') || text.ends_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_begins_like_a_formula_does_not_stay_one() {
        for text in ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r\n=1", "\u{ff1d}1"] {
            let written = field(text);
            assert!(written.trim_matches('"').starts_with('\''), "{text:?} became {written:?}");
            assert!(!written.contains(['\t', '\r', '\n']));
        }
        assert_eq!(field("iPhone15,2"), "\"iPhone15,2\"");
        assert_eq!(field("a \"b\""), "\"a \"\"b\"\"\"");
        assert_eq!(field("plain-text"), "plain-text");
    }

    #[test]
    fn what_a_terminal_obeys_becomes_a_blank() {
        assert_eq!(field("a\u{202e}b\u{9b}c\u{200b}d"), "a b c d");
        assert_eq!(field("\u{feff}=1"), "' =1", "and hides no formula");
    }

    #[test]
    fn every_device_is_a_line_with_as_many_fields_as_the_first() {
        let devices = [json!({
            "user": "ann",
            "device_id": "A1",
            "device_information": {"Model": "x", "FriendlyName": "=HYPERLINK(\"http://x\")"},
            "access": {"state": "allowed", "reason": null},
            "wipe": null,
        })];
        let mut out = Vec::new();
        write(&devices, Format::Csv, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[1].starts_with("ann,A1,,x,,\"\'=HYPERLINK(\"\"http://x\"\")\","), "{}", lines[1]);
        assert_eq!(lines[1].matches(',').count(), COLUMNS.len() - 1);
        assert_eq!(lines[0].matches(',').count(), COLUMNS.len() - 1);
    }
}
