//! Why a command ends without having done what was asked: one line, hints, and an exit code.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use crate::terminal::{BAD, HINT, painted};

/// A failure as a user sees it: `error: ...`, then `hint: ...` where there is something to try.
#[derive(Debug)]
pub(crate) struct Failure {
    error: String,
    hints: Vec<String>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// 1: the thing asked for failed.
    Failed,
    /// 1, and everything there is to say is already on the screen.
    Told,
    /// 2: the command line makes no sense.
    WrongUse,
    /// Nobody reads the output any more.
    ReaderGone,
}

impl Failure {
    /// The thing asked for failed. What an error of a library says after `hint:` on a line of its own is a hint.
    pub(crate) fn new(error: impl Display) -> Self {
        let error = error.to_string();
        let mut lines = error.split("\nhint: ").map(str::to_owned);
        Self { error: lines.next().unwrap_or_default(), hints: lines.collect(), kind: Kind::Failed }
    }

    /// It failed, and everything is said.
    pub(crate) fn told() -> Self {
        Self { error: String::new(), hints: Vec::new(), kind: Kind::Told }
    }

    /// For a command whose exit code says that something was shown: when nobody reads it, it was not.
    pub(crate) fn reader_did_not_see_all(self) -> Self {
        if self.reader_is_gone() { Self::told() } else { self }
    }

    /// For a command whose exit code says how something ended: it ended like that whether or not anybody read on, as in
    /// `asprov provision ... | head -1`.
    pub(crate) fn shown_to_whoever_reads(shown: Result<(), Self>) -> Result<(), Self> {
        shown.or_else(|failure| if failure.reader_is_gone() { Ok(()) } else { Err(failure) })
    }

    /// The command line makes no sense.
    pub(crate) fn wrong_use(error: impl Display) -> Self {
        Self { error: error.to_string(), hints: Vec::new(), kind: Kind::WrongUse }
    }

    /// With something to try.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }

    pub(crate) fn reader_is_gone(&self) -> bool {
        self.kind == Kind::ReaderGone
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            Kind::ReaderGone => 0,
            Kind::Failed | Kind::Told => 1,
            Kind::WrongUse => 2,
        })
    }

    /// Writes it down. What cannot be written to stderr is lost, as there is no other place for it.
    pub(crate) fn tell(&self, err: &mut dyn io::Write) {
        if self.kind == Kind::Told {
            return;
        }
        let _ = writeln!(err, "{} {}", painted(BAD, "error:"), self.error);
        for hint in &self.hints {
            let _ = writeln!(err, "{} {hint}", painted(HINT, "hint:"));
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::BrokenPipe { Kind::ReaderGone } else { Kind::Failed };
        Self { error: format!("cannot write the output: {error}"), hints: Vec::new(), kind }
    }
}

/// The name of `known` that is nearest to `came`, if any is near enough to be meant.
pub(crate) fn nearest<'a>(came: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let came = came.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&came, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}
