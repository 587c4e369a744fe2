//! Finds out whether the input is a message as it is, as hexadecimal text or as base64 text.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::failure::Failure;

/// How the input is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Hex,
    Base64,
    Unsaid,
}

/// What every message begins with: WBXML 1.3, public identifier unknown, UTF-8.
const BEGINNING: [u8; 3] = [0x03, 0x01, 0x6A];

const ANY_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const READER: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);

/// The bytes that the input stands for.
pub(super) fn bytes_of(input: Vec<u8>, form: Form) -> Result<Vec<u8>, Failure> {
    let text = || str::from_utf8(&input).ok().map(without_layout);
    match form {
        Form::Hex => {
            let text = text().ok_or_else(|| Failure::new("the input is no text, so it is not hexadecimal"))?;
            unhex(&text).map_err(Failure::new)
        }
        Form::Base64 => {
            let text = text().ok_or_else(|| Failure::new("the input is no text, so it is not base64"))?;
            unbase64(&text).map_err(|error| Failure::new(format!("the input is no base64: {error}")))
        }
        Form::Unsaid if input.starts_with(&BEGINNING) => Ok(input),
        Form::Unsaid => {
            // Hexadecimal digits are base64 characters as well, so what the bytes begin with decides first.
            let Some(text) = text() else { return Ok(input) };
            let (hex, base64) = (unhex(&text).ok(), unbase64(&text).ok());
            let forms = [&hex, &base64];
            let message = forms.into_iter().flatten().find(|bytes| bytes.starts_with(&BEGINNING)).cloned();
            Ok(message.or(hex).or(base64).unwrap_or(input))
        }
    }
}

/// The text without white space, and without what people put around hexadecimal bytes: `0x`, `\x`, commas and colons.
fn without_layout(text: &str) -> String {
    text.replace("0x", "")
        .replace("\\x", "")
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, ',' | ':'))
        .collect()
}

fn unhex(text: &str) -> Result<Vec<u8>, String> {
    if let Some((at, came)) = text.chars().enumerate().find(|(_, character)| !character.is_ascii_hexdigit()) {
        return Err(format!("the input is not hexadecimal: character {} is {came:?}", at + 1));
    }
    if !text.len().is_multiple_of(2) {
        return Err(format!("the input is not hexadecimal: {} digits are no whole number of bytes", text.len()));
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0);
    Ok(text.as_bytes().chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, d| byte << 4 | digit(*d))).collect())
}

fn unbase64(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    READER.decode(text.replace('-', "+").replace('_', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_recognised_in_every_form() {
        let message = vec![0x03, 0x01, 0x6A, 0x00, 0x00, 0x0E, 0x05];
        for form in [
            "03016a00000e05",
            "03016A00 000E05\n",
            "03 01 6a 00 00 0e 05",
            "0x03, 0x01, 0x6a, 0x00, 0x00, 0x0e, 0x05",
            "AwFqAAAOBQ==",
            "AwFqAAAOBQ",
            " AwFq\nAAAOBQ==\n",
        ] {
            assert_eq!(bytes_of(form.into(), Form::Unsaid).unwrap(), message, "{form}");
        }
        assert_eq!(bytes_of(message.clone(), Form::Unsaid).unwrap(), message);
    }

    #[test]
    fn a_form_that_was_named_is_not_guessed() {
        assert!(bytes_of("AwFqAAAOBQ==".into(), Form::Hex).is_err());
        assert_eq!(bytes_of("0301".into(), Form::Base64).unwrap(), [0xD3, 0x7D, 0x35]);
        assert!(bytes_of("030".into(), Form::Hex).is_err());
    }
}
