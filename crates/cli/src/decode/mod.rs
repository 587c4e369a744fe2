//! `asprov decode`: a binary message, or the base64 query of a request, in readable form.
//!
//! What is printed as XML is what `asprov encode` reads. A Status is followed by a comment that says its meaning.

mod annotation;
mod http;
mod json;
mod multipart;
mod query;
mod recognition;

use std::io;
use std::path::PathBuf;

use asprov_wbxml::{Element, Limits, Unknown, decode, xml};

use crate::explain::write_json;
use crate::failure::Failure;
use crate::input;
use crate::terminal::{HINT, painted};
pub(crate) use annotation::annotated;
use recognition::{Form, bytes_of};

/// Turn a binary message into readable XML
///
/// The bytes may come as they are, as hexadecimal text or as base64 text; which of them is found out unless a flag says.
/// What is printed is what `asprov encode` reads, with a comment after each Status that says its meaning. The XML shows
/// everything that is in the message, policy keys included.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The message; - is stdin
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// The input is hexadecimal text
    #[arg(long, conflicts_with_all = ["base64", "query", "http"])]
    hex: bool,
    /// The input is base64 text
    #[arg(long, conflicts_with_all = ["query", "http"])]
    base64: bool,
    /// The input is the base64 query of a request, or its whole URL
    #[arg(long, conflicts_with = "http")]
    query: bool,
    /// The input is a log of HTTP: what `curl -v` or `curl --trace -` print, or a HAR file of a browser or proxy
    #[arg(long)]
    http: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments, out: &mut dyn io::Write) -> Result<(), Failure> {
    if arguments.query {
        return query::write(&input::read_text(&arguments.file)?, arguments.json, out);
    }
    if arguments.http {
        return http::write(&input::read_text(&arguments.file)?, arguments.json, out);
    }
    let form = match (arguments.hex, arguments.base64) {
        (true, _) => Form::Hex,
        (_, true) => Form::Base64,
        _ => Form::Unsaid,
    };
    let bytes = bytes_of(input::read(&arguments.file)?, form)?;
    if bytes.is_empty() {
        return Err(Failure::new("the input is empty")
            .hint("an empty body is a message of its own in ActiveSync: it has no elements"));
    }
    let parts = multipart::parts(&bytes);
    let message = match &parts {
        Some(parts) => parts.first().copied().unwrap_or_default(),
        None => &bytes,
    };
    let element = message_of(message)?;
    if let Some(parts) = &parts {
        let lengths: Vec<_> = parts.iter().map(|part| part.len().to_string()).collect();
        eprintln_hint(&format!("a multipart answer with parts of {} bytes; this is the first", lengths.join(", ")));
    }
    if arguments.json {
        return write_json(out, &json::Message::of(&element));
    }
    Ok(write!(out, "{}", annotated(&element, &xml::to_xml(&element)))?)
}

fn eprintln_hint(text: &str) {
    anstream::eprintln!("{} {text}", painted(HINT, "note:"));
}

fn message_of(bytes: &[u8]) -> Result<Element<'_>, Failure> {
    decode(bytes, &Limits::default(), Unknown::Keep).map_err(|error| {
        let failure = Failure::new(format!("no ActiveSync message: {error}"));
        if bytes.starts_with(&[0x03, 0x01, 0x6A]) {
            failure
        } else {
            failure.hint("a message begins with 03 01 6A 00; --query reads the base64 query of a request")
        }
    })
}
