//! How a user, a device or a policy is named in a command that somebody copies into a shell. One place, so that no
//! explanation, hint or notice prints a command that does something else than it says, or nothing, once it is pasted.
//!
//! ```
//! use asprov_protocol::typed_command::{arguments, option};
//!
//! assert_eq!(format!("asprov device why {}", arguments(&["ann", "A1"])), "asprov device why ann A1");
//! // What begins like an option is none after `--`, and what a shell obeys stands in quotes.
//! assert_eq!(arguments(&["o'hara", "-A1"]), r"-- 'o'\''hara' -A1");
//! assert_eq!(option("--user", "ann lee"), "--user='ann lee'");
//! ```

use crate::device::DeviceKey;

/// The arguments at the end of a command, as they are typed: quoted where a shell (POSIX) would make something else of
/// them, and behind `--` when one of them begins like an option. Nothing is cut, for what is cut names somebody else.
pub fn arguments(values: &[&str]) -> String {
    let end_of_options = values.iter().any(|value| value.starts_with('-')).then(|| "--".to_owned());
    let words: Vec<String> = end_of_options.into_iter().chain(values.iter().map(|value| word(value))).collect();
    words.join(" ")
}

/// The same for a device: its user and its DeviceId.
pub fn device(device: &DeviceKey) -> String {
    arguments(&[device.user.as_str(), device.device_id.as_str()])
}

/// An option with its value, as it is typed: in one word, so that a value may begin with `-`.
pub fn option(name: &str, value: &str) -> String {
    format!("{name}={}", word(value))
}

/// One word of a shell.
fn word(value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+' | ':' | '/' | ',');
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_obeys_is_quoted_and_nothing_else() {
        for plain in ["ann", "ann@example.com", "6F24CAD599A5BF1A", "jörg", "a_b-c.d"] {
            assert_eq!(arguments(&[plain]), plain);
        }
        for obeyed in
            ["", "a b", "$(x)", "`x`", "a;b", "a&b", "~x", "=x", "#x", "*", "a\\b", "!x", "a|b", "\"", "a\u{a0}b"]
        {
            assert_eq!(arguments(&[obeyed]), format!("'{obeyed}'"));
        }
        assert_eq!(arguments(&["it's"]), r"'it'\''s'");
    }

    #[test]
    fn what_begins_like_an_option_stands_behind_the_end_of_options() {
        assert_eq!(arguments(&["ann", "-x"]), "-- ann -x");
        assert_eq!(arguments(&["-a b", "x"]), "-- '-a b' x");
        assert_eq!(option("--user", "-ann"), "--user=-ann");
    }
}
