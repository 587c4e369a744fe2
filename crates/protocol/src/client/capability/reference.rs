//! The page of the reference that shows the table of client families.

use core::fmt::Write as _;

use super::{Ability, Cell, PROFILES, Profile, Says};
use crate::policy::SETTINGS;

/// The tables of `docs/reference/client-families.md`: settings and families, then what stands behind each cell.
pub fn markdown() -> String {
    let mut text = String::from(
        "What the families of clients are known to make of each setting, from what is written about them. Real devices were \
         not tried. **yes** is enforced, **no** is not enforced, **absent** is ignored because the device has nothing it \
         could be about (which counts as enforced), **depends** differs from device to device, and **?** is what no source \
         says. `2` marks a setting because of which the client acknowledges 2, applied in part.\n\n| Setting |",
    );
    // Writing to a String cannot fail.
    for profile in PROFILES {
        let _ = write!(text, " {} |", profile.title);
    }
    let _ = writeln!(text, "\n| --- |{}", " --- |".repeat(PROFILES.len()));
    for setting in SETTINGS {
        let _ = write!(text, "| `{}` |", setting.name);
        for profile in PROFILES {
            let _ = write!(text, " {} |", mark(profile.cell(setting.id)));
        }
        text.push('\n');
    }
    for profile in PROFILES {
        sources(&mut text, profile);
    }
    text
}

fn mark(cell: &Cell) -> String {
    let word = match cell.ability {
        Ability::Enforces => "yes".to_owned(),
        Ability::EnforcesBetween { least, most } => format!("{least} to {most}"),
        Ability::Lacks => "absent".to_owned(),
        Ability::Cannot => "no".to_owned(),
        Ability::Unknown => "?".to_owned(),
        Ability::Depends => "depends".to_owned(),
    };
    if cell.says == Says::NotApplied { word + " `2`" } else { word }
}

fn sources(text: &mut String, profile: &Profile) {
    let _ = write!(text, "\n## {}\n\n`{}`", profile.title, profile.name);
    let _ = match profile.user_agents {
        [] => writeln!(text, "; its User-Agent is not known.\n"),
        starts => writeln!(text, "; its User-Agent begins with `{}`.\n", starts.join("`, `")),
    };
    let mut lines: Vec<String> = Vec::new();
    for refusal in profile.refusals {
        lines.push(format!("- {} To do: {}. ({})", refusal.sentence, refusal.advice, refusal.source));
    }
    for remark in profile.remarks {
        lines.push(format!("- {} ({})", remark.sentence, remark.source));
    }
    // Settings of which the same is said share a line.
    for cell in profile.cells.iter().chain([&profile.otherwise]).filter(|cell| !cell.source.is_empty()) {
        let same = |other: &&Cell| (other.note, other.source, mark(other)) == (cell.note, cell.source, mark(cell));
        let names: Vec<_> = profile
            .cells
            .iter()
            .filter(same)
            .filter_map(|cell| cell.setting)
            .map(|id| format!("`{}`", id.setting().name))
            .collect();
        let names = if names.is_empty() { "every other setting".to_owned() } else { names.join(", ") };
        let note = if cell.note.is_empty() { String::new() } else { format!("; {}", cell.note) };
        let line = format!("- {names}: {}{note}. ({})", mark(cell), cell.source);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if profile.otherwise.source.is_empty() {
        lines.push("- Nothing is written about the settings marked with a lone question mark.".to_owned());
    }
    let _ = writeln!(text, "{}", lines.join("\n"));
}
