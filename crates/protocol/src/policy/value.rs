//! The value of a setting, and the text that carries it.

use core::fmt;
use std::borrow::Cow;

/// A value that a setting can have. "Unset" is not a value: the document then holds none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A boolean: `1` or `0` on the wire.
    Flag(bool),
    /// A number, or the number of a choice.
    Number(i64),
    /// The entries of a list, in their order.
    List(Vec<String>),
}

impl Value {
    /// The text of the element; for a list, its entries with commas between them.
    pub fn text(&self) -> Cow<'static, str> {
        // Nearly every value of a policy is one digit: those cost no allocation.
        const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        match self {
            Self::Flag(false) => Cow::Borrowed("0"),
            Self::Flag(true) => Cow::Borrowed("1"),
            Self::Number(number) => match usize::try_from(*number).ok().and_then(|number| DIGITS.get(number)) {
                Some(digit) => Cow::Borrowed(digit),
                None => Cow::Owned(number.to_string()),
            },
            Self::List(entries) => Cow::Owned(entries.join(",")),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text())
    }
}

/// Reads a whole number as the schema's integer types allow it: blanks around it, a sign, leading zeros. `None` for
/// anything else, and beyond 18 digits, which no setting accepts.
pub(super) fn number(text: &str) -> Option<i64> {
    // Nearly every value of a policy is one digit.
    if let [digit @ b'0'..=b'9'] = text.as_bytes() {
        return Some(i64::from(digit - b'0'));
    }
    let text = text.as_bytes().trim_ascii();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut number = 0_i64;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        // 18 digits stay below 2^63.
        number = number * 10 + i64::from(byte - b'0');
    }
    Some(if negative { -number } else { number })
}

/// Reads a boolean: `0` and `1`, or the schema's other spelling, `false` and `true`.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.as_bytes() {
        b"0" => Some(false),
        b"1" => Some(true),
        text => match text.trim_ascii() {
            b"0" | b"false" => Some(false),
            b"1" | b"true" => Some(true),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_the_schema_writes_it() {
        for (text, read) in [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("+7", Some(7)),
            ("007", Some(7)),
            (" 900\r\n", Some(900)),
            ("4294967295", Some(4_294_967_295)),
            ("999999999999999999", Some(999_999_999_999_999_999)),
            ("9999999999999999999", None),
            ("", None),
            ("-", None),
            ("--1", None),
            ("1.0", None),
            ("1e3", None),
            ("0x10", None),
            ("٣", None),
        ] {
            assert_eq!(number(text), read, "{text:?}");
        }
    }

    #[test]
    fn a_boolean_has_two_spellings_and_no_third() {
        assert_eq!(["0", "false", "1", "true"].map(flag), [Some(false), Some(false), Some(true), Some(true)]);
        assert_eq!(["", "2", "TRUE", "yes", "-1", "00"].map(flag), [None; 6]);
    }

    #[test]
    fn the_text_of_a_value_is_what_goes_on_the_wire() {
        let list = Value::List(vec!["game.exe".into(), "radio.exe".into()]);
        let values = [Value::Flag(true), Value::Number(-1), Value::Number(9), Value::Number(10), list];
        assert_eq!(values.map(|value| value.to_string()), ["1", "-1", "9", "10", "game.exe,radio.exe"]);
    }
}
