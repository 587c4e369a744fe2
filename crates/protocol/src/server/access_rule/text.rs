//! Rules as text, both ways.
//!
//! ```text
//! rule      = action "if" condition { "and" condition } [ "because" string ]
//! action    = "block" | "quarantine" | "exempt" | "allow"
//! condition = characteristic operator value
//! operator  = "=" | "!=" | "<" | "<=" | ">" | ">="
//! value     = string | a word without blanks and quotes
//! string    = '"' { any character, with \ before " and \ } '"'
//! ```
//!
//! A file of rules has one `name: rule` a line, perhaps a line `default: allow` (or `quarantine`, `block`), and comments
//! after `#` at the beginning of a line.

use core::fmt;
use core::str::FromStr;

use super::{
    AccessRule, AccessRules, Characteristic, Condition, MOST_CONDITIONS, MOST_REASON_CHARACTERS, Operator, RuleAction,
    RuleName,
};
use crate::server::AccessState;

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {came}, expected {expected}", place = place(*line, *at))]
pub struct RuleError {
    /// The line of a file, from 1.
    pub line: Option<usize>,
    /// The character of the line, from 1.
    pub at: usize,
    /// What came, cut and escaped.
    pub came: String,
    /// What was expected.
    pub expected: String,
}

fn place(line: Option<usize>, at: usize) -> String {
    line.map_or_else(|| format!("character {at}"), |line| format!("line {line}, character {at}"))
}

/// Reads a rule from left to right.
struct Scanner<'a> {
    text: &'a str,
    /// In bytes, at the beginning of a character.
    at: usize,
}

impl FromStr for AccessRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let mut scanner = Scanner { text, at: 0 };
        let rule = scanner.rule()?;
        scanner.skip_blanks();
        if scanner.rest().is_empty() { Ok(rule) } else { Err(scanner.error("and, because, or the end of the rule")) }
    }
}

impl AccessRules {
    /// Reads a file of rules. Without a `default` line everybody is allowed.
    ///
    /// # Errors
    /// [`RuleError`] with the line, for a line that is no rule, for a name that comes twice, and for a rule that never
    /// matches or that another one contradicts.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let mut default = None;
        let mut rules: Vec<(RuleName, AccessRule)> = Vec::new();
        let mut lines = std::collections::BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            let number = at + 1;
            let mut scanner = Scanner { text: line, at: 0 };
            scanner.skip_blanks();
            if scanner.rest().is_empty() || scanner.rest().starts_with('#') {
                continue;
            }
            let in_line = |error: RuleError| RuleError { line: Some(number), ..error };
            let start = scanner.at;
            let name = scanner.up_to(':').ok_or_else(|| in_line(scanner.error("a name and a colon")))?;
            if name.eq_ignore_ascii_case("default") {
                if default.is_some() {
                    let again = Scanner { text: line, at: start };
                    return Err(in_line(again.error("one line for the default level")));
                }
                default = Some(scanner.default_level().map_err(in_line)?);
                continue;
            }
            let wrong = Scanner { text: line, at: start };
            let name = RuleName::new(name)
                .ok_or_else(|| in_line(wrong.error("a name of 1 to 64 of A-Z, a-z, 0-9, -, _ and .")))?;
            let rule = scanner.rule().map_err(in_line)?;
            scanner.skip_blanks();
            if !scanner.rest().is_empty() {
                return Err(in_line(scanner.error("and, because, or the end of the rule")));
            }
            if lines.insert(name.clone(), number).is_some() {
                return Err(in_line(wrong.error("each name once")));
            }
            rules.push((name, rule));
        }
        Self::new(default.unwrap_or(AccessState::Allowed), rules).map_err(|fault| RuleError {
            line: lines.get(&fault.rule).copied(),
            at: 1,
            came: format!("rule {}", fault.rule),
            expected: format!("another rule: {}", fault.sentence),
        })
    }
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn error(&self, expected: &str) -> RuleError {
        let came = match self.rest() {
            "" => "the end".to_owned(),
            rest => format!("`{}`", crate::policy::shown(rest)),
        };
        let at = self.text.get(..self.at).map_or(0, |before| before.chars().count()) + 1;
        RuleError { line: None, at, came, expected: expected.to_owned() }
    }

    /// What stands before a character, which is skipped.
    fn up_to(&mut self, end: char) -> Option<&'a str> {
        let (before, _) = self.rest().split_once(end)?;
        self.at += before.len() + end.len_utf8();
        Some(before.trim())
    }

    /// The next word: what stands before a blank, a quote or the sign of an operator.
    fn word(&mut self) -> &'a str {
        self.skip_blanks();
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '=' | '!' | '<' | '>'));
        let word = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
        self.at += word.len();
        word
    }

    /// One of some words, without regard to case.
    fn one_of<T: Copy>(&mut self, words: &[(&str, T)], expected: &str) -> Result<T, RuleError> {
        self.skip_blanks();
        let before = self.at;
        let word = self.word();
        match words.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)) {
            Some((_, meant)) => Ok(*meant),
            None => {
                self.at = before;
                Err(self.error(expected))
            }
        }
    }

    fn default_level(&mut self) -> Result<AccessState, RuleError> {
        const EXPECTED: &str = "allow, quarantine or block";
        let levels = [
            ("allow", AccessState::Allowed),
            ("quarantine", AccessState::Quarantined),
            ("block", AccessState::Blocked),
        ];
        let level = self.one_of(&levels, EXPECTED)?;
        self.skip_blanks();
        if self.rest().is_empty() { Ok(level) } else { Err(self.error("the end of the line")) }
    }

    fn rule(&mut self) -> Result<AccessRule, RuleError> {
        let action = self
            .one_of(&RuleAction::ALL.map(|action| (action.as_str(), action)), "block, quarantine, exempt or allow")?;
        self.one_of(&[("if", ())], "if")?;
        let mut conditions = vec![self.condition()?];
        let mut reason = String::new();
        loop {
            self.skip_blanks();
            let before = self.at;
            match self.word().to_ascii_lowercase().as_str() {
                "and" if conditions.len() == MOST_CONDITIONS => {
                    self.at = before;
                    return Err(self.error(&format!("at most {MOST_CONDITIONS} conditions")));
                }
                "and" => conditions.push(self.condition()?),
                "because" => {
                    self.skip_blanks();
                    let before = self.at;
                    let text = self.value()?;
                    let usable = (1..=MOST_REASON_CHARACTERS).contains(&text.chars().count());
                    if !usable || text.chars().any(char::is_control) {
                        self.at = before;
                        return Err(self.error("1 to 256 characters without control characters"));
                    }
                    reason = text;
                    break;
                }
                _ => {
                    self.at = before;
                    break;
                }
            }
        }
        Ok(AccessRule { action, conditions, reason })
    }

    fn condition(&mut self) -> Result<Condition, RuleError> {
        let mut words = Characteristic::ALL.map(|characteristic| (characteristic.as_str(), characteristic)).to_vec();
        words.push(("UserAgent", Characteristic::UserAgent));
        let characteristic = self.one_of(&words, "DeviceType, Model, OS, User-Agent or ProtocolVersion")?;
        self.skip_blanks();
        let operator = Operator::ALL
            .into_iter()
            .find(|operator| self.rest().starts_with(operator.as_str()))
            .ok_or_else(|| self.error("=, !=, <, <=, > or >="))?;
        let before_operator = self.at;
        self.at += operator.as_str().len();
        self.skip_blanks();
        let before = self.at;
        let text = self.value()?;
        Condition::new(characteristic, operator, &text).map_err(|expected| {
            let no_versions = operator.compares_versions()
                && matches!(characteristic, Characteristic::DeviceType | Characteristic::Model);
            self.at = if no_versions { before_operator } else { before };
            self.error(expected)
        })
    }

    /// A string or a word.
    fn value(&mut self) -> Result<String, RuleError> {
        let before = self.at;
        let Some(string) = self.rest().strip_prefix('"') else {
            let word = self.word();
            return if word.is_empty() { Err(self.error("a value")) } else { Ok(word.to_owned()) };
        };
        let mut value = String::new();
        let mut characters = string.char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.at += at + 2;
                    return Ok(value);
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                    Some((at, _)) => {
                        self.at += at;
                        return Err(self.error("\\\" or \\\\"));
                    }
                    None => break,
                },
                c => value.push(c),
            }
        }
        self.at = before;
        Err(self.error("a string with its closing quote"))
    }
}

fn write_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use super::condition::Operand;
        write!(f, "{} {} ", self.characteristic.as_str(), self.operator.as_str())?;
        match &self.operand {
            Operand::Pattern(pattern) => write_string(f, pattern.as_str()),
            Operand::Release(release) => write_string(f, release.as_str()),
            Operand::Version(version) => write!(f, "{version}"),
        }
    }
}

impl fmt::Display for AccessRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.action.as_str())?;
        for (at, condition) in self.conditions.iter().enumerate() {
            write!(f, " {} {condition}", if at == 0 { "if" } else { "and" })?;
        }
        if self.reason.is_empty() {
            return Ok(());
        }
        f.write_str(" because ")?;
        write_string(f, &self.reason)
    }
}

impl fmt::Display for AccessRules {
    /// As [`AccessRules::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.default_level() {
            AccessState::Allowed => "allow",
            AccessState::Quarantined => "quarantine",
            AccessState::Blocked => "block",
        };
        writeln!(f, "default: {level}")?;
        self.iter().try_for_each(|(name, rule)| writeln!(f, "{name}: {rule}"))
    }
}
