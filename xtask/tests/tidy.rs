//! Checks of the tree itself.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Files of the repository below `folder` whose name ends with `ending`, without build output.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(files(&path, ending));
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What each crate may depend on, of our own. Upward and sideways is not in the table, and so is refused.
const MAY_USE: &[(&str, &[&str])] = &[
    ("asprov-wbxml", &[]),
    ("asprov-protocol", &["asprov-wbxml"]),
    ("asprov-client", &["asprov-protocol", "asprov-wbxml"]),
    ("asprov-store", &["asprov-protocol"]),
    ("asprov-server", &["asprov-store", "asprov-protocol", "asprov-wbxml"]),
    ("asprov-admin", &["asprov-store", "asprov-protocol"]),
    ("asprov", &["asprov-client", "asprov-server", "asprov-admin", "asprov-store", "asprov-protocol", "asprov-wbxml"]),
];

/// What a crate must be unable to reach.
const MUST_NOT_REACH: &[(&str, &[&str])] = &[
    ("asprov-protocol", &["tokio", "hyper", "rusqlite", "rustls", "getrandom"]),
    ("asprov-store", &["hyper", "http", "axum", "tower"]),
    ("asprov-client", &["rusqlite", "axum"]),
    ("asprov-server", &["axum", "askama", "rusqlite"]),
    ("asprov-admin", &["asprov-wbxml", "rusqlite"]),
];

fn manifests() -> BTreeMap<String, toml::Table> {
    files(&root().join("crates"), "Cargo.toml")
        .iter()
        .map(|path| {
            let table: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
            (table["package"]["name"].as_str().unwrap().to_owned(), table)
        })
        .collect()
}

fn dependencies(manifest: &toml::Table) -> BTreeSet<String> {
    let table = manifest.get("dependencies").and_then(toml::Value::as_table);
    table.into_iter().flat_map(|table| table.keys().cloned()).collect()
}

#[test]
fn dependencies_only_point_downward() {
    let manifests = manifests();
    assert_eq!(
        manifests.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        MAY_USE.iter().map(|row| row.0).collect()
    );
    for (name, may_use) in MAY_USE {
        for dependency in dependencies(&manifests[*name]).iter().filter(|name| name.starts_with("asprov")) {
            assert!(may_use.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn what_a_crate_must_not_reach_is_not_among_its_dependencies() {
    let manifests = manifests();
    assert_eq!(dependencies(&manifests["asprov-wbxml"]), BTreeSet::new(), "asprov-wbxml has no dependencies");
    for (name, forbidden) in MUST_NOT_REACH {
        for dependency in dependencies(&manifests[*name]) {
            assert!(!forbidden.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn sql_stays_in_the_store() {
    for path in files(&root().join("crates"), ".rs") {
        let inside = path.starts_with(root().join("crates/store"));
        let text = std::fs::read_to_string(&path).unwrap();
        let sql = ["SELECT ", "INSERT INTO ", "UPDATE device", "DELETE FROM ", "PRAGMA "];
        // The demo damages its own policy row on purpose, and a test of the program damages one.
        let demo = path.to_string_lossy().contains("crates/cli/");
        assert!(inside || demo || !sql.iter().any(|word| text.contains(word)), "SQL in {}", path.display());
    }
}

#[test]
fn no_protocol_type_derives_serialize() {
    for name in ["wbxml", "protocol"] {
        for path in files(&root().join("crates").join(name), ".rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("Serialize"), "{}", path.display());
        }
    }
}

#[test]
fn every_source_file_says_what_it_does_and_stays_short() {
    let mut long = Vec::new();
    for path in files(root(), ".rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        let named = path.strip_prefix(root()).unwrap().display().to_string();
        let lines = text.lines().count();
        // The tests of a file may sit beside it in `NAME/tests.rs`; they say what they show by their names.
        let beside = named.ends_with("/tests.rs");
        assert!(
            beside || text.starts_with("//!") || text.starts_with("#!["),
            "{named} does not begin with what it does"
        );
        let is_test = beside || named.contains("/tests/") || named.contains("/benches/");
        if lines > 400 && !is_test && !LONG_ON_PURPOSE.iter().any(|(path, _)| *path == named) {
            long.push(format!("{named}: {lines} lines"));
        }
    }
    assert!(long.is_empty(), "over 400 lines:\n{}", long.join("\n"));
}

#[test]
fn the_test_that_shows_a_quirk_exists() {
    use asprov_protocol::quirk::{Proof, QUIRKS_OF_DEVICES};

    for quirk in QUIRKS_OF_DEVICES {
        let Proof::Test(file, name) = quirk.proof;
        let text = std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(&format!("fn {name}(")), "{}: {file} has no test {name}", quirk.name);
    }
}

/// Files over 400 lines, and why.
const LONG_ON_PURPOSE: &[(&str, &str)] =
    &[("crates/protocol/src/quirk/table.rs", "one table of quirks, an entry after the other")];

#[test]
fn nothing_is_left_to_do_in_the_code() {
    for path in files(root(), ".rs").iter().filter(|path| !path.ends_with("xtask/tests/tidy.rs")) {
        let text = std::fs::read_to_string(path).unwrap();
        for word in ["todo!", "unimplemented!", "FIXME", "XXX", "#[ignore"] {
            assert!(!text.contains(word), "{word} in {}", path.display());
        }
    }
}

#[test]
fn the_changelog_has_a_place_for_what_comes_next() {
    let text = std::fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    assert!(text.contains("## [Unreleased]"));
}

#[test]
fn every_decision_has_a_number_of_its_own() {
    let names: Vec<String> = files(&root().join("docs/decisions"), ".md")
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let numbers: BTreeSet<&str> = names.iter().map(|name| &name[..4]).collect();
    assert_eq!(numbers.len(), names.len(), "{names:?}");
}

#[test]
fn the_paths_that_the_documents_name_exist() {
    let mut gone = Vec::new();
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/reference/answers.md"] {
        let text = std::fs::read_to_string(root().join(name)).unwrap();
        let named = text.split('`').skip(1).step_by(2);
        let paths = named.filter(|path| ["crates/", "xtask/", "docs/"].iter().any(|folder| path.starts_with(folder)));
        gone.extend(paths.filter(|path| !root().join(path).exists()).map(|path| format!("{name}: {path}")));
    }
    assert_eq!(gone, Vec::<String>::new());
}
