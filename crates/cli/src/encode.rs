//! `asprov encode`: the readable XML form of a message to its bytes.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use asprov_wbxml::{Limits, encode, xml};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::failure::Failure;
use crate::input;

/// Turn readable XML into a binary message
///
/// The XML is what `asprov decode` prints: one element a tag, its namespace the name of the code page, opaque data marked
/// with opaque="base64". Comments and an XML declaration are read past.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The XML; - is stdin
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// Print hexadecimal text instead of bytes
    #[arg(long, conflicts_with = "base64")]
    hex: bool,
    /// Print base64 text instead of bytes
    #[arg(long)]
    base64: bool,
}

pub(crate) fn run(arguments: &Arguments, out: &mut dyn io::Write) -> Result<(), Failure> {
    let text = input::read_text(&arguments.file)?;
    // The limit on bytes is meant for messages; readable XML takes several times as many.
    let limits = Limits { bytes: text.len(), ..Limits::default() };
    let element = xml::from_xml(text.trim_start_matches('\u{FEFF}'), &limits)
        .map_err(|error| Failure::new(format!("{}: {error}", arguments.file.display())))?;
    let bytes = encode(&element);
    if arguments.hex {
        writeln!(out, "{}", hex(&bytes))?;
    } else if arguments.base64 {
        writeln!(out, "{}", STANDARD.encode(&bytes))?;
    } else if io::stdout().is_terminal() {
        return Err(Failure::wrong_use("a binary message is nothing for a terminal")
            .hint("print it with --hex or --base64, or send it into a file with `> FILE`"));
    } else {
        // Past the stream that takes colours out: bytes are no text.
        io::Write::write_all(&mut io::stdout().lock(), &bytes)?;
    }
    Ok(())
}

/// Bytes as hexadecimal text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
