//! A password or a token from stdin, a password from ASPROV_PASSWORD, or typed without being shown. Never from an argument: everybody on the
//! machine can read those.

use std::io::{self, BufRead, IsTerminal as _};

use asprov_protocol::secret::Secret;

use crate::failure::Failure;

/// Bytes of a password at most.
const LONGEST: u64 = 1024;

/// Bytes of an access token at most. One that is signed and names the groups of a user has some thousand, and servers
/// take no longer headers than 16 KiB as a rule.
const LONGEST_TOKEN: u64 = 16 * 1024;

/// The password in the first line of stdin, without its end.
pub(crate) fn from_stdin(what: &str) -> Result<Secret<String>, Failure> {
    read(io::stdin().lock(), what, LONGEST)
}

/// The access token in the first line of stdin, without its end.
pub(crate) fn token_from_stdin() -> Result<Secret<String>, Failure> {
    read(io::stdin().lock(), "token", LONGEST_TOKEN)
}

fn read(input: impl BufRead, what: &str, longest: u64) -> Result<Secret<String>, Failure> {
    let mut line = String::new();
    input
        .take(longest + 2)
        .read_line(&mut line)
        .map_err(|error| Failure::new(format!("cannot read the {what} from stdin: {error}")))?;
    checked(line.trim_end_matches(['\r', '\n']).to_owned(), what, longest)
}

/// ASPROV_PASSWORD, or else what is typed at `prompt`.
pub(crate) fn from_variable_or_prompt(prompt: &str) -> Result<Secret<String>, Failure> {
    if let Some(password) = std::env::var_os("ASPROV_PASSWORD") {
        let password = password.into_string().map_err(|_| Failure::new("ASPROV_PASSWORD is no UTF-8 text"))?;
        return checked(password, "password", LONGEST);
    }
    typed(prompt)
}

/// What is typed at `prompt`, without being shown.
pub(crate) fn typed(prompt: &str) -> Result<Secret<String>, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::wrong_use("there is nobody to ask for a password")
            .hint("give it on stdin with --password-stdin, or in ASPROV_PASSWORD"));
    }
    let password = rpassword::prompt_password(prompt)
        .map_err(|error| Failure::new(format!("cannot read a password from the terminal: {error}")))?;
    checked(password, "password", LONGEST)
}

fn checked(text: String, what: &str, longest: u64) -> Result<Secret<String>, Failure> {
    if text.is_empty() {
        return Err(Failure::new(format!("the {what} is empty")));
    }
    if text.len() as u64 > longest {
        return Err(Failure::new(format!("the {what} is longer than {longest} bytes")));
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_be_longer_than_a_password_and_neither_without_end() {
        let line = |length: usize| format!("{}\r\nnot this", "x".repeat(length));
        for (what, longest) in [("password", LONGEST), ("token", LONGEST_TOKEN)] {
            let most = usize::try_from(longest).unwrap();
            assert_eq!(read(line(most).as_bytes(), what, longest).unwrap().expose().len(), most);
            let refused = read(line(most + 1).as_bytes(), what, longest).unwrap_err();
            assert_eq!(refused.to_string(), format!("the {what} is longer than {longest} bytes"));
            assert_eq!(read("\n".as_bytes(), what, longest).unwrap_err().to_string(), format!("the {what} is empty"));
        }
    }
}
