//! `cargo xtask docs [--check]`: writes the generated documents, or says which of them are out of date.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};

mod documents;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["docs"] => write_documents(),
        ["docs", "--check"] => check_documents(),
        _ => {
            eprintln!("usage: cargo xtask docs [--check]");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository.
fn root() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the repository")
}

fn write_documents() -> anyhow::Result<()> {
    for document in documents::all(root()?)? {
        let path = root()?.join(document.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, document.text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn check_documents() -> anyhow::Result<()> {
    let mut stale = Vec::new();
    for document in documents::all(root()?)? {
        let now = std::fs::read_to_string(root()?.join(document.path)).unwrap_or_default();
        if now != document.text {
            stale.push(document.path);
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    bail!("out of date: {}\nhint: run `cargo xtask docs` and commit what it writes", stale.join(", "))
}
