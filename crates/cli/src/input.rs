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
    text_of(read(name)?).map_err(|why| Failure::new(format!("{} is no text: {why}", name.display())))
}

/// Text in UTF-8, or in UTF-16 where a mark says so, as PowerShell writes it. The mark is not part of the text.
pub(crate) fn text_of(bytes: Vec<u8>) -> Result<String, String> {
    let utf_16 = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.as_chunks::<2>().0.iter().map(|pair| unit(*pair)).collect();
        let is_whole = rest.len().is_multiple_of(2);
        String::from_utf16(&units).ok().filter(|_| is_whole).ok_or_else(|| "expected UTF-16, as it begins".to_owned())
    };
    match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => utf_16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf_16(rest, u16::from_be_bytes),
        _ => {
            let marked = bytes.starts_with("\u{feff}".as_bytes());
            let mut text = String::from_utf8(bytes).map_err(|error| {
                format!("expected UTF-8, the byte at offset {} does not fit", error.utf8_error().valid_up_to())
            })?;
            if marked {
                text.remove(0);
            }
            Ok(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_at_the_beginning_of_a_text_is_not_part_of_it() {
        for bytes in [
            b"{\"a\":1}".to_vec(),
            b"\xEF\xBB\xBF{\"a\":1}".to_vec(),
            b"\xFF\xFE{\0\"\0a\0\"\0:\x001\0}\0".to_vec(),
            b"\xFE\xFF\0{\0\"\0a\0\"\0:\x001\0}".to_vec(),
        ] {
            assert_eq!(text_of(bytes.clone()).as_deref(), Ok("{\"a\":1}"), "{bytes:02X?}");
        }
        assert_eq!(text_of(vec![b'a', 0xFF]).unwrap_err(), "expected UTF-8, the byte at offset 1 does not fit");
        for damaged in [vec![0xFF, 0xFE, 0x41], vec![0xFF, 0xFE, 0x00, 0xD8]] {
            assert_eq!(text_of(damaged).unwrap_err(), "expected UTF-16, as it begins");
        }
    }
}
