//! Asks before something is done that cannot be undone.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use crate::failure::Failure;
use crate::terminal::{ACCENT, painted};

/// Goes on only if the answer is yes, or `--yes` said so beforehand.
pub(crate) fn confirmed(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::wrong_use("this needs a yes, and there is nobody to ask").hint("say --yes beforehand"));
    }
    let mut err = anstream::stderr();
    write!(err, "{question} {} ", painted(ACCENT, "Type yes to go on:"))?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().take(100).read_line(&mut answer)?;
    if answer.trim().eq_ignore_ascii_case("yes") { Ok(()) } else { Err(Failure::new("nothing was done")) }
}
