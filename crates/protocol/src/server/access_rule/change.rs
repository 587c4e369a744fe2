//! A set of rules with one thing changed. The whole set is checked again: what does not fit is refused, and the set that
//! was there stays as it is.

use super::{AccessRule, AccessRules, RuleAction, RuleFault, RuleName};
use crate::server::AccessState;

impl AccessRules {
    /// The rule of this name.
    pub fn rule(&self, name: &RuleName) -> Option<&AccessRule> {
        RuleAction::ALL.into_iter().find_map(|action| self.rules.get(&(action, name.clone())))
    }

    /// The same rules with one that is new, or another than before.
    ///
    /// # Errors
    /// [`RuleFault`] when the rule never matches, when it and another one contradict each other, or when there are too
    /// many.
    pub fn with_rule(&self, name: RuleName, rule: AccessRule) -> Result<Self, RuleFault> {
        let others = self.iter().filter(|(other, _)| **other != name);
        let mut rules: Vec<_> = others.map(|(name, rule)| (name.clone(), rule.clone())).collect();
        rules.push((name, rule));
        Self::new(self.default, rules)
    }

    /// The same rules without one; `None` when there is none of this name.
    pub fn without_rule(&self, name: &RuleName) -> Option<Self> {
        let rule = self.rule(name)?;
        let mut rules = self.rules.clone();
        rules.remove(&(rule.action, name.clone()));
        Some(Self { default: self.default, rules })
    }

    /// The same rules with another default level.
    #[must_use]
    pub fn with_default(&self, default: AccessState) -> Self {
        Self { default, rules: self.rules.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> RuleName {
        RuleName::new(text).unwrap()
    }

    #[test]
    fn a_rule_takes_the_place_of_the_one_of_its_name_whatever_that_did() {
        let rules = AccessRules::parse("default: quarantine\nold: block if OS < \"iOS 15\"").unwrap();
        let changed = rules.with_rule(name("old"), "allow if OS < \"iOS 15\"".parse().unwrap()).unwrap();
        assert_eq!(changed.iter().count(), 1);
        assert_eq!(changed.rule(&name("old")).unwrap().action(), RuleAction::Allow);
        assert_eq!(changed.default_level(), AccessState::Quarantined);
        let without = changed.without_rule(&name("old")).unwrap();
        assert_eq!(without.to_string(), "default: quarantine\n");
        assert_eq!(without.without_rule(&name("old")), None);
        assert_eq!(without.with_default(AccessState::Blocked).default_level(), AccessState::Blocked);
    }

    #[test]
    fn a_rule_that_another_one_decides_for_is_refused() {
        let rules = AccessRules::parse("phones: block if DeviceType = \"iPhone*\"").unwrap();
        let fault = rules.with_rule(name("new"), "allow if DeviceType = \"iPhone\"".parse().unwrap()).unwrap_err();
        assert_eq!(fault.rule, name("new"));
        let fault = rules.with_rule(name("new"), "allow if OS < \"iOS 15\" and OS > \"iOS 16\"".parse().unwrap());
        assert!(fault.unwrap_err().to_string().contains("at once"));
    }
}
