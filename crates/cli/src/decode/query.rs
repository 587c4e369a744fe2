//! The base64 query of a request ([MS-ASHTTP] 2.2.1.1.1.1), field by field.

use std::io;

use asprov_protocol::http::Base64Query;
use asprov_protocol::policy_key::RequestKey;
use serde::Serialize;

use crate::encode::hex;
use crate::explain::{write_json, write_pairs};
use crate::failure::Failure;
use crate::terminal::{harmless, width};

#[derive(Serialize)]
struct Fields {
    protocol_version: &'static str,
    command: &'static str,
    locale: String,
    device_id: String,
    policy_key: Option<String>,
    device_type: String,
    user: Option<String>,
    attachment_name: Option<String>,
    collection_id: Option<String>,
    item_id: Option<String>,
    long_id: Option<String>,
    occurrence: Option<String>,
    save_in_sent: bool,
    accept_multipart: bool,
}

/// Reads a query, or a URL or request line that has one, and writes its fields.
pub(super) fn write(input: &str, json: bool, out: &mut dyn io::Write) -> Result<(), Failure> {
    // `POST /Microsoft-Server-ActiveSync?... HTTP/1.1`: the query ends at a blank.
    let input = input.trim();
    let query = input.split_once('?').map_or(input, |(_, query)| query);
    let query = query.split_whitespace().next().unwrap_or_default();
    let query = Base64Query::parse(query).map_err(|error| Failure::new(format!("no base64 query: {error}")))?;
    let fields = Fields::of(query);
    if json {
        return write_json(out, &fields);
    }
    let flag = |flag| if flag { "yes" } else { "no" };
    let mut pairs = vec![
        ("ProtocolVersion", fields.protocol_version),
        ("Command", fields.command),
        ("Locale", &fields.locale),
        ("DeviceId", &fields.device_id),
        ("PolicyKey", fields.policy_key.as_deref().unwrap_or("none")),
        ("DeviceType", &fields.device_type),
    ];
    let own = [
        ("User", &fields.user),
        ("AttachmentName", &fields.attachment_name),
        ("CollectionId", &fields.collection_id),
        ("ItemId", &fields.item_id),
        ("LongId", &fields.long_id),
        ("Occurrence", &fields.occurrence),
    ];
    pairs.extend(own.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))));
    pairs.push(("SaveInSent", flag(fields.save_in_sent)));
    pairs.push(("AcceptMultiPart", flag(fields.accept_multipart)));
    let harmless: Vec<_> = pairs.into_iter().map(|(name, value)| (name, harmless(value))).collect();
    let pairs: Vec<_> = harmless.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Ok(write_pairs(out, &pairs, width())?)
}

impl Fields {
    fn of(query: Base64Query) -> Self {
        let own = query.parameters;
        Self {
            protocol_version: query.version.as_str(),
            command: query.command.name(),
            locale: format!("0x{:04X}", query.locale),
            device_id: readable(&query.device_id),
            policy_key: match query.policy_key {
                RequestKey::Absent => None,
                RequestKey::Zero => Some("0".to_owned()),
                RequestKey::Key(key) => Some(key.text()),
                RequestKey::Unusable => Some("unusable".to_owned()),
            },
            device_type: readable(&query.device_type),
            user: query.user,
            attachment_name: own.attachment_name,
            collection_id: own.collection_id,
            item_id: own.item_id,
            long_id: own.long_id,
            occurrence: own.occurrence,
            save_in_sent: query.save_in_sent,
            accept_multipart: query.accept_multipart,
        }
    }
}

/// Printable text as it is, other bytes as hexadecimal digits in upper case: the form in which a server keeps them.
fn readable(bytes: &[u8]) -> String {
    if bytes.is_ascii() && bytes.iter().all(u8::is_ascii_graphic) {
        bytes.iter().map(|byte| char::from(*byte)).collect()
    } else {
        hex(bytes).to_uppercase()
    }
}
