//! `Setting=VALUE` on the command line: what it sets, checked against the table of settings before anything is sent.

use std::str::FromStr;

use asprov_protocol::policy::{SETTINGS, Setting, Value as SettingValue};
use serde_json::{Map, Value, json};

use crate::failure::nearest;

/// One change of a policy.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// A setting, by its name in the specification; `None` takes it out.
    Setting(&'static str, Option<Value>),
    /// A rule, or the description.
    Rule(&'static str, Value),
}

/// The rules that are on or off.
const FLAGS: [&str; 5] = [
    "allow_non_provisionable",
    "allow_partial",
    "allow_externally_managed",
    "require_device_information",
    "report_only",
];

impl FromStr for Change {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) =
            text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`, expected Setting=VALUE"))?;
        if let Some(flag) = FLAGS.into_iter().find(|flag| *flag == name) {
            let on = match value {
                "true" | "1" => true,
                "false" | "0" => false,
                _ => return Err(format!("{name} does not accept `{value}`, expected true or false")),
            };
            return Ok(Self::Rule(flag, json!(on)));
        }
        match name {
            "description" => return Ok(Self::Rule("description", json!(value))),
            "refresh_interval" => {
                let value = if value.is_empty() { Value::Null } else { json!(value) };
                return Ok(Self::Rule("refresh_interval", value));
            }
            _ => {}
        }
        let setting = Setting::by_name(name).map_err(|error| {
            let known =
                SETTINGS.iter().map(|setting| setting.name).chain(FLAGS).chain(["description", "refresh_interval"]);
            nearest(name, known).map_or_else(|| error.to_string(), |near| format!("{error}; did you mean {near}?"))
        })?;
        if value.is_empty() {
            return Ok(Self::Setting(setting.name, None));
        }
        let value = match setting.parse(value).map_err(|error| error.to_string())? {
            SettingValue::Flag(on) => json!(on),
            SettingValue::Number(number) => json!(number),
            SettingValue::List(items) => json!(items),
        };
        Ok(Self::Setting(setting.name, Some(value)))
    }
}

impl Change {
    /// Makes the change in a policy as the API has it.
    pub(super) fn apply(&self, policy: &mut Value) {
        let Value::Object(policy) = policy else { return };
        match self {
            Self::Rule(name, value) => {
                policy.insert((*name).to_owned(), value.clone());
            }
            Self::Setting(name, value) => {
                let settings = policy.entry("settings").or_insert_with(|| Value::Object(Map::new()));
                let Value::Object(settings) = settings else { return };
                match value {
                    Some(value) => {
                        settings.insert((*name).to_owned(), value.clone());
                    }
                    None => {
                        settings.remove(*name);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(text: &str) -> Result<Change, String> {
        text.parse()
    }

    #[test]
    fn a_setting_is_found_in_any_case_and_its_value_is_checked() {
        assert_eq!(change("mindevicepasswordlength=6"), Ok(Change::Setting("MinDevicePasswordLength", Some(json!(6)))));
        assert_eq!(change("AllowCamera=false"), Ok(Change::Setting("AllowCamera", Some(json!(false)))));
        let error = change("MinDevicePasswordLength=40").unwrap_err();
        assert!(error.contains("expected 1 to 16"), "{error}");
        assert!(change("MinDevicePasswordLenght=6").unwrap_err().contains("MinDevicePasswordLength"));
        assert!(change("AllowCamera").unwrap_err().contains("expected Setting=VALUE"));
    }

    #[test]
    fn changes_keep_the_rest_of_a_policy() {
        let mut policy =
            json!({"settings": {"AllowCamera": false, "MinDevicePasswordLength": 4}, "allow_partial": true});
        for text in ["MinDevicePasswordLength=", "allow_partial=false", "refresh_interval=24h"] {
            change(text).unwrap().apply(&mut policy);
        }
        assert_eq!(
            policy,
            json!({"settings": {"AllowCamera": false}, "allow_partial": false, "refresh_interval": "24h"})
        );
    }
}
