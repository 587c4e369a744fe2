//! What real devices do that no specification says, and what asprov does about it: a table, with the evidence for each
//! entry and the test that holds it.
//!
//! Only what concerns a server is here. What a client meets is in its own tests, and what a family of clients makes of a
//! policy is in [`client::capability`](crate::client::capability).

pub mod answer_449;
mod table;

use core::fmt::Write as _;

pub use self::table::QUIRKS_OF_DEVICES;

/// A quirk.
#[derive(Debug)]
pub struct Quirk {
    /// The word for it, the same in every release.
    pub name: &'static str,
    /// Whose it is.
    pub devices: &'static str,
    /// What they do.
    pub behaviour: &'static str,
    /// Who wrote about it.
    pub evidence: &'static str,
    /// What asprov does.
    pub answer: &'static str,
    /// An access rule that helps, where one does; see [`access_rule`](crate::server::access_rule).
    pub rule: Option<&'static str>,
    /// What shows it.
    pub proof: Proof,
}

/// What shows that asprov does what it says about a quirk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A test: its file, from the root of the repository, and its name.
    Test(&'static str, &'static str),
}

/// The table of `docs/reference/quirks.md`.
pub fn markdown() -> String {
    let mut text = String::from(
        "| Quirk | Devices | What they do | Evidence | What asprov does | Shown by |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for quirk in QUIRKS_OF_DEVICES {
        let rule = quirk.rule.map_or_else(String::new, |rule| format!(": `{rule}`"));
        let Proof::Test(file, name) = quirk.proof;
        let proof = format!("[`{name}`](../../{file})");
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {}{rule} | {proof} |",
            quirk.name, quirk.devices, quirk.behaviour, quirk.evidence, quirk.answer
        );
    }
    text
}

#[cfg(test)]
mod tests;
