//! Reads what a command works on: a file or stdin, never more than a limit.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::failure::Failure;

/// Bytes of input at most. Binary messages are limited to 1 MiB by the codec; hexadecimal text takes twice that and
/// readable XML several times.
pub(crate) const LIMIT: u64 = 16 * 1024 * 1024;

/// The bytes of a file, or of stdin for `-`.
pub(crate) fn read(name: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let (read, shown) = if name == Path::new("-") {
        (io::stdin().lock().take(LIMIT + 1).read_to_end(&mut bytes), "stdin".to_owned())
    } else {
        let read = File::open(name).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes));
        (read, name.display().to_string())
    };
    read.map_err(|error| Failure::new(format!("cannot read {shown}: {error}")))?;
    if bytes.len() as u64 > LIMIT {
        return Err(Failure::new(format!("{shown} holds more than {} MiB", LIMIT / 1024 / 1024)));
    }
    Ok(bytes)
}

/// The text of a file, or of stdin for `-`.
pub(crate) fn read_text(name: &Path) -> Result<String, Failure> {
    String::from_utf8(read(name)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::new(format!("{} is no UTF-8 text: the byte at offset {at} does not fit", name.display()))
    })
}
