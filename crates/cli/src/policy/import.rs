//! `asprov policy import`: policies of other servers, with a report of what could not be carried. The whole file is read
//! before anything is changed.

use std::io;
use std::path::Path;

use asprov_admin::policy_to_json;
use asprov_protocol::policy::import::{Imported, MOST_BYTES, zpush};
use asprov_protocol::policy::{Policy, PolicyName};
use serde::Serialize;
use serde_json::Value;

use super::{exchange_json, lint, path, say};
use crate::admin_api::{AdminApi, Connection};
use crate::explain::write_json;
use crate::failure::Failure;
use crate::input;
use crate::table::Table;
use crate::terminal::{counted, harmless, width};

/// Where a policy comes from.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
pub(super) enum Source {
    /// `Get-MobileDeviceMailboxPolicy | ConvertTo-Json` of Exchange
    Exchange,
    /// policies.ini of Z-Push
    Zpush,
}

/// What is wished of an import.
#[derive(clap::Args, Debug)]
pub(super) struct Wish {
    /// The name of the policy here, for a file that holds one
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Only say what would come of it
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A policy and what was not carried.
#[derive(Serialize)]
struct Report {
    policy: Value,
    remarks: Vec<RemarkLine>,
}

#[derive(Serialize)]
struct RemarkLine {
    line: Option<usize>,
    what: String,
    why: String,
}

pub(super) async fn run(
    connection: &Connection,
    source: Source,
    file: &Path,
    wish: &Wish,
    out: &mut dyn io::Write,
) -> Result<(), Failure> {
    let text = input::read_text(file)?;
    let shown = file.display();
    if text.len() > MOST_BYTES {
        return Err(Failure::new(format!("{shown} has {} bytes, expected at most {MOST_BYTES}", text.len())));
    }
    let imported = match source {
        Source::Exchange => exchange_json::read(&text),
        Source::Zpush => zpush::import(&text).map_err(|error| error.to_string()),
    };
    let imported = imported.map_err(|error| Failure::new(format!("{shown}: {error}")))?;
    if imported.is_empty() {
        return Err(Failure::new(format!("{shown}: it holds no policy")));
    }
    let policies = named(imported, wish.name.as_deref(), source)?;
    if !wish.dry_run {
        let api = AdminApi::connect(connection)?;
        for (policy, _) in &policies {
            let kept = api.put(&path(policy.name.as_str()), &policy_to_json(policy)).await?;
            say("imported", policy.name.as_str());
            lint::remind(&kept, policy.name.as_str());
        }
    }
    let reports: Vec<Report> =
        policies.into_iter().map(|(policy, remarks)| Report { policy: policy_to_json(&policy), remarks }).collect();
    if wish.json { write_json(out, &reports) } else { write(&reports, out) }
}

/// Every policy with a name that can be used here, each once.
fn named(
    imported: Vec<Imported>,
    name: Option<&str>,
    source: Source,
) -> Result<Vec<(Policy, Vec<RemarkLine>)>, Failure> {
    if name.is_some() && imported.len() > 1 {
        return Err(Failure::wrong_use(format!("the file holds {} policies, and --name is for one", imported.len())));
    }
    let description = match source {
        Source::Exchange => "imported from Exchange",
        Source::Zpush => "imported from Z-Push",
    };
    let given = name.map(PolicyName::new).transpose().map_err(Failure::new)?;
    let mut policies: Vec<(Policy, Vec<RemarkLine>)> = Vec::new();
    for (place, imported) in (1..).zip(imported) {
        let name = given.clone().or(imported.name).ok_or_else(|| {
            Failure::new(format!("policy {place} of the file has no name that can be used here"))
                .hint("name it with --name; names have 1 to 64 of A-Z a-z 0-9 - _ .")
        })?;
        if policies.iter().any(|(policy, _)| policy.name == name) {
            return Err(Failure::new(format!("two policies of the file would be named `{name}`")));
        }
        let remarks = imported.remarks.into_iter();
        let remarks = remarks.map(|remark| RemarkLine { line: remark.line, what: remark.what, why: remark.why });
        let (document, rules) = (imported.document, imported.rules);
        let policy = Policy { name, description: description.to_owned(), document, rules };
        policies.push((policy, remarks.collect()));
    }
    Ok(policies)
}

fn write(reports: &[Report], out: &mut dyn io::Write) -> Result<(), Failure> {
    for report in reports {
        super::show::one(&report.policy, out)?;
        writeln!(out)?;
        if report.remarks.is_empty() {
            writeln!(out, "Everything was carried.")?;
        } else {
            let count = counted(report.remarks.len(), "thing was", "things were");
            writeln!(out, "{count} not carried as it stood:")?;
            let mut table = Table::new(["LINE", "WHAT", "WHY"]);
            for remark in &report.remarks {
                let line = remark.line.map_or_else(String::new, |line| line.to_string());
                table.row([line.into(), harmless(&remark.what).into(), harmless(&remark.why).into()]);
            }
            table.write_wrapped(out, width())?;
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchange_objects_are_flattened_and_what_is_not_carried_is_told() {
        let text = "\u{feff}[{\"Name\": \"Sales\", \"PasswordEnabled\": true, \"MaxAttachmentSize\": {\"IsUnlimited\": true},
            \"UnapprovedInROMApplicationList\": [\"a.exe\", \"b.exe\"], \"IrmEnabled\": true, \"MinPasswordLength\": null}]";
        let imported = exchange_json::read(text).unwrap();
        assert_eq!(imported.len(), 1);
        assert_eq!(imported[0].name, PolicyName::new("Sales").ok());
        assert_eq!(imported[0].remarks[0].what, "IrmEnabled");
        let body = policy_to_json(&named(imported, None, Source::Exchange).unwrap()[0].0);
        assert_eq!(body["settings"]["UnapprovedInROMApplicationList"], serde_json::json!(["a.exe", "b.exe"]));
    }

    #[test]
    fn a_policy_needs_a_name_and_two_need_two() {
        let imported = || zpush::import("[default]\ndevpwenabled = 1\n").unwrap();
        assert!(named(imported(), Some("a b"), Source::Zpush).is_err());
        let policies = named(imported(), Some("sales"), Source::Zpush).unwrap();
        assert_eq!(policies[0].0.name.as_str(), "sales");
    }
}
