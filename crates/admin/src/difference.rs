//! In what two policies differ, field by field and setting by setting.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A field or a setting that is not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Difference {
    /// The field or the setting.
    pub name: String,
    /// What it was; null: nothing.
    pub before: Value,
    /// What it is; null: nothing.
    pub after: Value,
}

/// Every field and setting that two policies, as the API answers them, do not have in common. Null stands for no policy.
pub fn difference(before: &Value, after: &Value) -> Vec<Difference> {
    let fields = |policy: &Value| -> BTreeMap<String, Value> {
        let empty = Map::new();
        let policy = policy.as_object().unwrap_or(&empty);
        let settings = policy.get("settings").and_then(Value::as_object).unwrap_or(&empty);
        let rules = policy.iter().filter(|(name, _)| !matches!(name.as_str(), "settings" | "name"));
        rules.chain(settings).map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let (before, after) = (fields(before), fields(after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let value = |of: &BTreeMap<String, Value>, name: &str| of.get(name).cloned().unwrap_or(Value::Null);
    let all = names.into_iter().map(|name| Difference {
        name: name.clone(),
        before: value(&before, name),
        after: value(&after, name),
    });
    all.filter(|difference| difference.before != difference.after).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_difference_names_what_comes_goes_and_changes() {
        let before = json!({"name": "a", "allow_partial": true, "settings": {"AllowCamera": false, "MinDevicePasswordLength": 4}});
        let after = json!({"name": "b", "allow_partial": true, "settings": {"MinDevicePasswordLength": 6, "AllowBrowser": true}});
        let names: Vec<_> = difference(&before, &after).into_iter().map(|difference| difference.name).collect();
        assert_eq!(names, ["AllowBrowser", "AllowCamera", "MinDevicePasswordLength"]);
        assert!(difference(&after, &after).is_empty());
        assert_eq!(difference(&Value::Null, &after).len(), 3);
    }
}
