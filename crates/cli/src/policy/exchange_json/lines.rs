//! On which line of a JSON text each policy has each of its parameters: the parser forgets it, and whoever has to correct
//! the file wants to know.

use std::collections::BTreeMap;

/// The lines, from 1, by the place of the policy, from 0, and the name of the parameter as it is written.
pub(super) struct Lines(BTreeMap<(usize, String), usize>);

impl Lines {
    /// Looks through a text that is known to be JSON: one object, or an array of objects. In anything else nothing is found.
    pub(super) fn of(text: &str) -> Self {
        let mut lines = BTreeMap::new();
        let policies_at = if text.trim_start().starts_with('[') { 2_usize } else { 1 };
        let (mut line, mut depth, mut policy) = (1, 0_usize, 0);
        let mut newest: Option<(String, usize)> = None;
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '\n' => line += 1,
                '{' | '[' => depth += 1,
                '}' | ']' => {
                    policy += usize::from(depth == policies_at);
                    depth = depth.saturating_sub(1);
                }
                '"' => {
                    let mut name = String::new();
                    while let Some(character) = characters.next().filter(|character| *character != '"') {
                        name.push(character);
                        // What is escaped ends no string.
                        name.extend((character == '\\').then(|| characters.next()).flatten());
                    }
                    newest = Some((name, line));
                }
                // What stands before a colon is a name.
                ':' if depth == policies_at => {
                    if let Some((name, line)) = newest.take() {
                        lines.entry((policy, name)).or_insert(line);
                    }
                }
                _ => {}
            }
        }
        Self(lines)
    }

    /// The line of a parameter.
    pub(super) fn line(&self, policy: usize, parameter: &str) -> Option<usize> {
        self.0.get(&(policy, parameter.to_owned())).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_has_its_parameters_on_their_lines() {
        let text = "[\n{\"Name\": \"a:\\\"b\", \"X\": {\"Y\":\n1}},\n{\n \"Name\" :\n\"c\", \"X\": [\"Name\"]}\n]";
        let lines = Lines::of(text);
        let found = |policy, name| lines.line(policy, name);
        assert_eq!([found(0, "Name"), found(0, "X"), found(0, "Y")], [Some(2), Some(2), None]);
        assert_eq!([found(1, "Name"), found(1, "X"), found(2, "Name")], [Some(5), Some(6), None]);
        assert_eq!(Lines::of("{\"Name\":1}").line(0, "Name"), Some(1));
        assert_eq!(Lines::of("\"unclosed").line(0, "unclosed"), None);
    }
}
