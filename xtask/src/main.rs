//! `cargo xtask docs [--check]` writes the documents that are generated from tables in the code, `cargo xtask spec
//! [--check]` those about the requirements of the specification. With `--check` they say which are out of date.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};

mod documents;
mod spec;

use documents::Document;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["docs"] => root().and_then(documents::all).and_then(write_documents),
        ["docs", "--check"] => root().and_then(documents::all).and_then(|all| check_documents(&all, "docs")),
        ["spec"] => root().and_then(spec::documents).and_then(write_documents),
        ["spec", "--check"] => root().and_then(spec::documents).and_then(|all| check_documents(&all, "spec")),
        _ => {
            eprintln!("usage: cargo xtask docs [--check] | cargo xtask spec [--check]");
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

fn write_documents(documents: Vec<Document>) -> anyhow::Result<()> {
    for document in documents {
        let path = root()?.join(document.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, document.text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn check_documents(documents: &[Document], command: &str) -> anyhow::Result<()> {
    let mut stale = Vec::new();
    for document in documents {
        let now = std::fs::read_to_string(root()?.join(document.path)).unwrap_or_default();
        if now != document.text {
            stale.push(document.path);
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    bail!("out of date: {}\nhint: run `cargo xtask {command}` and commit what it writes", stale.join(", "))
}
