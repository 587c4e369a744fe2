//! A password from stdin, from ASPROV_PASSWORD, or typed without being shown. Never from an argument: everybody on the
//! machine can read those.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use asprov_protocol::secret::Secret;

use crate::failure::Failure;

/// Bytes of a password at most.
const LONGEST: u64 = 1024;

/// The first line of stdin, without its end.
pub(crate) fn from_stdin(what: &str) -> Result<Secret<String>, Failure> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .take(LONGEST + 2)
        .read_line(&mut line)
        .map_err(|error| Failure::new(format!("cannot read the {what} from stdin: {error}")))?;
    checked(line.trim_end_matches(['\r', '\n']).to_owned(), what)
}

/// ASPROV_PASSWORD, or else what is typed at `prompt`.
pub(crate) fn from_variable_or_prompt(prompt: &str) -> Result<Secret<String>, Failure> {
    if let Some(password) = std::env::var_os("ASPROV_PASSWORD") {
        let password = password.into_string().map_err(|_| Failure::new("ASPROV_PASSWORD is no UTF-8 text"))?;
        return checked(password, "password");
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
    checked(password, "password")
}

fn checked(text: String, what: &str) -> Result<Secret<String>, Failure> {
    if text.is_empty() {
        return Err(Failure::new(format!("the {what} is empty")));
    }
    if text.len() as u64 > LONGEST {
        return Err(Failure::new(format!("the {what} is longer than {LONGEST} bytes")));
    }
    Ok(Secret::new(text))
}
