//! What is wrong with a set of rules before any device comes: conditions that never hold together, rules that another
//! one decides for, rules that say what another one says already.
//!
//! What is found is so; not everything that is so is found. Of two conditions on the same characteristic it is worked out
//! whether one follows from the other and whether both can hold; what three of them come to together is not.

use core::fmt;

use super::condition::Operand;
use super::{AccessRule, AccessRules, Characteristic, Condition, MOST_RULES, Operator, RuleName};
use crate::version::ProtocolVersion;

/// Something wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {rule}: {sentence}")]
pub struct RuleFault {
    /// The rule.
    pub rule: RuleName,
    /// The other rule that is concerned, where there is one.
    pub other: Option<RuleName>,
    /// What kind of fault it is.
    pub kind: RuleFaultKind,
    /// What is wrong.
    pub sentence: String,
}

/// What kind of fault a rule has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleFaultKind {
    /// No device can fulfil its conditions.
    NeverMatches,
    /// Another rule is tried before it, holds whenever it holds, and does something else.
    Contradicted,
    /// Another rule is tried before it, holds whenever it holds, and does the same. This is no error.
    Superfluous,
    /// There are too many rules, or two of the same name.
    Set,
}

impl AccessRules {
    /// What is wrong with the rules, in the order in which they are tried. A set that was made has at most superfluous
    /// ones.
    pub fn faults(&self) -> Vec<RuleFault> {
        let rules: Vec<_> = self.iter().collect();
        let mut faults = Vec::new();
        for (at, (name, rule)) in rules.iter().enumerate() {
            if let Some(why) = never_matches(rule) {
                faults.push(RuleFault::new(name, None, RuleFaultKind::NeverMatches, why));
                continue;
            }
            let before = rules.iter().take(at).find(|(_, before)| follows(rule, before));
            if let Some((other, before)) = before {
                let (kind, end) = if before.action == rule.action {
                    (RuleFaultKind::Superfluous, "and does the same")
                } else {
                    (RuleFaultKind::Contradicted, "so this one never decides")
                };
                let sentence = format!(
                    "rule {other} is tried first, does {} whenever this one would do {}, {end}",
                    before.action.as_str(),
                    rule.action.as_str()
                );
                faults.push(RuleFault::new(name, Some(other), kind, sentence));
            }
        }
        faults
    }
}

/// Why no device can fulfil the conditions of a rule.
fn never_matches(rule: &AccessRule) -> Option<String> {
    let versions =
        rule.conditions.iter().filter(|condition| condition.characteristic == Characteristic::ProtocolVersion);
    let possible = versions.clone().fold(ProtocolVersion::ALL.to_vec(), |mut possible, condition| {
        possible.retain(|version| accepts(condition, *version));
        possible
    });
    if possible.is_empty() {
        let conditions: Vec<_> = versions.map(ToString::to_string).collect();
        return Some(format!("no protocol version fulfils {}", conditions.join(" and ")));
    }
    for (at, one) in rule.conditions.iter().enumerate() {
        if one.operator == Operator::IsNot && matches!(&one.operand, Operand::Pattern(pattern) if is_all(pattern)) {
            return Some(format!("nothing fulfils {one}"));
        }
        if let Some(two) = rule.conditions.iter().skip(at + 1).find(|two| exclude(one, two)) {
            return Some(format!("no device fulfils {one} and {two} at once"));
        }
    }
    None
}

/// Whether every device that the first rule is about is one that the second is about.
fn follows(from: &AccessRule, rule: &AccessRule) -> bool {
    rule.conditions.iter().all(|condition| {
        from.conditions.iter().any(|given| implies(given, condition))
            || (condition.characteristic == Characteristic::ProtocolVersion && versions_imply(from, condition))
    })
}

/// What all the conditions of a rule on the protocol version come to together.
fn versions_imply(from: &AccessRule, condition: &Condition) -> bool {
    ProtocolVersion::ALL.into_iter().all(|version| {
        let given = from.conditions.iter().filter(|given| given.characteristic == Characteristic::ProtocolVersion);
        accepts(condition, version) || !given.clone().all(|given| accepts(given, version))
    })
}

fn accepts(condition: &Condition, version: ProtocolVersion) -> bool {
    match &condition.operand {
        Operand::Version(operand) => condition.operator.accepts(version.cmp(operand)),
        Operand::Pattern(_) | Operand::Release(_) => false,
    }
}

fn is_all(pattern: &super::pattern::Pattern) -> bool {
    pattern.as_str().chars().all(|c| c == '*')
}

/// Whether the second condition holds whenever the first one does.
fn implies(given: &Condition, condition: &Condition) -> bool {
    use Operator::{Is, IsNot};
    if given.characteristic != condition.characteristic {
        return false;
    }
    match (&given.operand, &condition.operand) {
        // Of a text that is known, everything is.
        (Operand::Pattern(text), _) if given.operator == Is && text.literal().is_some() => {
            text.literal().is_some_and(|text| condition.holds_for_text(text))
        }
        (Operand::Pattern(one), Operand::Pattern(two)) => match (given.operator, condition.operator) {
            (Is, Is) => two.covers(one),
            (Is, IsNot) => !one.meets(two),
            (IsNot, IsNot) => one.covers(two),
            _ => is_all(two) && condition.operator == Is,
        },
        // Whatever has a version has a text.
        (Operand::Release(_), Operand::Pattern(pattern)) => condition.operator == Is && is_all(pattern),
        (Operand::Release(one), Operand::Release(two)) => {
            two.product.covers(&one.product) && {
                let ordering = one.release.cmp(&two.release);
                match (given.operator, condition.operator) {
                    (Operator::Below, Operator::Below | Operator::AtMost) | (Operator::AtMost, Operator::AtMost) => {
                        ordering.is_le()
                    }
                    (Operator::AtMost, Operator::Below) => ordering.is_lt(),
                    (Operator::Above, Operator::Above | Operator::AtLeast) | (Operator::AtLeast, Operator::AtLeast) => {
                        ordering.is_ge()
                    }
                    (Operator::AtLeast, Operator::Above) => ordering.is_gt(),
                    _ => false,
                }
            }
        }
        // Versions are looked at together.
        _ => false,
    }
}

/// Whether no device fulfils both conditions.
fn exclude(one: &Condition, two: &Condition) -> bool {
    use Operator::{Is, IsNot};
    if one.characteristic != two.characteristic {
        return false;
    }
    match (&one.operand, &two.operand) {
        (Operand::Pattern(text), _) if one.operator == Is && text.literal().is_some() => {
            text.literal().is_some_and(|text| !two.holds_for_text(text))
        }
        (_, Operand::Pattern(text)) if two.operator == Is && text.literal().is_some() => exclude(two, one),
        (Operand::Pattern(first), Operand::Pattern(second)) => match (one.operator, two.operator) {
            (Is, Is) => !first.meets(second),
            (Is, IsNot) => second.covers(first),
            (IsNot, Is) => first.covers(second),
            _ => false,
        },
        (Operand::Release(first), Operand::Release(second)) => {
            let upward = |operator| matches!(operator, Operator::Above | Operator::AtLeast);
            let apart = match (upward(one.operator), upward(two.operator)) {
                // Both have no end in the same direction.
                (true, true) | (false, false) => false,
                (true, false) => between_is_empty(first, one.operator, second, two.operator),
                (false, true) => between_is_empty(second, two.operator, first, one.operator),
            };
            apart || !first.product.meets(&second.product)
        }
        _ => false,
    }
}

/// Whether nothing lies above the one version and below the other.
fn between_is_empty(
    least: &super::release::ProductRelease,
    from: Operator,
    most: &super::release::ProductRelease,
    to: Operator,
) -> bool {
    let ordering = least.release.cmp(&most.release);
    ordering.is_gt() || (ordering.is_eq() && !(from == Operator::AtLeast && to == Operator::AtMost))
}

impl RuleFault {
    fn new(rule: &RuleName, other: Option<&RuleName>, kind: RuleFaultKind, sentence: String) -> Self {
        Self { rule: rule.clone(), other: other.cloned(), kind, sentence }
    }

    pub(super) fn too_many(rule: RuleName) -> Self {
        let sentence = format!("there are more than {MOST_RULES} rules");
        Self { rule, other: None, kind: RuleFaultKind::Set, sentence }
    }

    pub(super) fn twice(rule: RuleName) -> Self {
        Self { rule, other: None, kind: RuleFaultKind::Set, sentence: "there are two rules of this name".to_owned() }
    }
}

impl fmt::Display for RuleFaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeverMatches => "never matches",
            Self::Contradicted => "contradicted",
            Self::Superfluous => "superfluous",
            Self::Set => "set",
        })
    }
}
