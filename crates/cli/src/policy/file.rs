//! The file of `asprov policy apply`. It reaches nothing of the program, because the fuzzer reads it as well.

use asprov_admin::policy_from_json;
use asprov_admin::problem::Problem;
use asprov_protocol::policy::{Policy, PolicyName};
use serde_json::{Map, Value, json};
use toml::de::{DeTable, DeValue};

/// The policies of a file: TOML with a table `[policy.NAME]` for each, or JSON as `policy show --json` prints it.
pub(crate) fn read(text: &str) -> Result<Vec<Policy>, String> {
    let policies = match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(policies)) => from_json(policies)?,
        Ok(policy @ Value::Object(_)) => from_json(vec![policy])?,
        _ => from_toml(text)?,
    };
    if policies.is_empty() {
        return Err("it holds no policy, expected a table [policy.NAME] for each".to_owned());
    }
    Ok(policies)
}

fn from_json(policies: Vec<Value>) -> Result<Vec<Policy>, String> {
    let mut read: Vec<Policy> = Vec::new();
    for (place, policy) in (1..).zip(policies) {
        let name = policy.get("name").and_then(Value::as_str).ok_or_else(|| format!("policy {place} has no name"))?;
        let name = PolicyName::new(name).map_err(|error| format!("policy {place}: {error}"))?;
        if read.iter().any(|other| other.name == name) {
            return Err(format!("policy {place}: there are two policies `{name}`"));
        }
        let policy =
            policy_from_json(name, policy).map_err(|problem| format!("policy {place}: {}", whole(&problem)))?;
        read.push(policy);
    }
    Ok(read)
}

/// What is wrong, with what to do about it.
fn whole(problem: &Problem) -> String {
    let hint = problem.hint().map(|hint| format!("; {hint}"));
    format!("{}{}", problem.detail(), hint.unwrap_or_default())
}

/// Each field is tried alone, so that what is wrong has a line.
fn from_toml(text: &str) -> Result<Vec<Policy>, String> {
    let line = |offset: usize| text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1);
    let at = |offset: usize, error: &dyn std::fmt::Display| format!("line {}: {error}", line(offset));
    let document =
        DeTable::parse(text).map_err(|error| at(error.span().map_or(0, |span| span.start), &error.message()))?;
    let mut read = Vec::new();
    for (key, value) in document.get_ref() {
        if key.get_ref() != "policy" {
            return Err(at(
                key.span().start,
                &format!("unknown `{}`, expected [policy.NAME]", key.get_ref().escape_debug()),
            ));
        }
        let expected = "expected a table for each policy: [policy.NAME]";
        let policies = value.get_ref().as_table().ok_or_else(|| at(value.span().start, &expected))?;
        for (key, value) in policies {
            let name = PolicyName::new(key.get_ref()).map_err(|error| at(key.span().start, &error))?;
            let fields = value.get_ref().as_table().ok_or_else(|| at(value.span().start, &expected))?;
            let try_alone = |offset: usize, body: Value| {
                policy_from_json(name.clone(), body).map_err(|problem| at(offset, &whole(&problem)))
            };
            let mut body = Map::new();
            for (key, value) in fields {
                let json = as_json(value.get_ref()).map_err(|error| at(value.span().start, &error))?;
                if let ("settings", Some(settings)) = (key.get_ref().as_ref(), value.get_ref().as_table()) {
                    for (setting, value) in settings {
                        let json = as_json(value.get_ref()).map_err(|error| at(value.span().start, &error))?;
                        try_alone(setting.span().start, json!({"settings": {setting.get_ref().as_ref(): json}}))?;
                    }
                } else {
                    try_alone(key.span().start, json!({key.get_ref().as_ref(): json}))?;
                }
                body.insert(key.get_ref().to_string(), json);
            }
            read.push(try_alone(key.span().start, Value::Object(body))?);
        }
    }
    Ok(read)
}

fn as_json(value: &DeValue<'_>) -> Result<Value, String> {
    match value {
        DeValue::String(text) => Ok(json!(text.as_ref())),
        DeValue::Integer(number) => {
            let value = i64::from_str_radix(&number.as_str().replace('_', ""), number.radix());
            value.map(Value::from).map_err(|_| format!("`{}` is no number that fits", number.as_str()))
        }
        DeValue::Boolean(flag) => Ok(json!(flag)),
        DeValue::Array(entries) => {
            entries.iter().map(|entry| as_json(entry.get_ref())).collect::<Result<Vec<_>, _>>().map(Value::Array)
        }
        DeValue::Table(fields) => fields
            .iter()
            .map(|(key, value)| Ok((key.get_ref().to_string(), as_json(value.get_ref())?)))
            .collect::<Result<Map<_, _>, String>>()
            .map(Value::Object),
        DeValue::Float(_) | DeValue::Datetime(_) => {
            Err(format!("a {}, expected a text, a whole number, true, false or a list", value.type_str()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use asprov_admin::policy_to_json;

    const FILE: &str = "[policy.sales]\ndescription = \"travels\"\nrefresh_interval = \"24h\"\n\n[policy.sales.settings]\n\
        DevicePasswordEnabled = true\nMinDevicePasswordLength = 6\nUnapprovedInROMApplicationList = [\"a.exe\"]\n\n\
        [policy.open]\nallow_partial = true\n";

    #[test]
    fn a_file_holds_policies_with_their_settings_and_rules() {
        let policies = read(FILE).unwrap();
        assert_eq!(policies.iter().map(|policy| policy.name.as_str()).collect::<Vec<_>>(), ["open", "sales"]);
        let sales = policy_to_json(&policies[1]);
        assert_eq!(
            (&sales["settings"]["MinDevicePasswordLength"], &sales["refresh_interval"]),
            (&json!(6), &json!("24h"))
        );
        // What is read can be written as JSON and read again.
        let again = read(&Value::Array(policies.iter().map(policy_to_json).collect()).to_string()).unwrap();
        assert_eq!(again, policies);
    }

    #[test]
    fn what_is_wrong_has_its_line_and_reason() {
        for (text, line, reason) in [
            ("[policy.a]\n[policy.a.settings]\n\nMinDevicePasswordLength = 40\n", 4, "1 to 16"),
            ("[policy.a]\nsettings.DevicePasswordEnabled = 1.5\n", 2, "a float"),
            ("[policy.a.settings]\nAllowCamera = \"no\"\n", 2, "AllowCamera"),
            ("[policy.a.settings]\nAllowCamra = true\n", 2, "AllowCamera"),
            ("[policy.a]\nallow_partial = true\nallow_everything = true\n", 3, "unknown field"),
            ("[policy.a]\nrefresh_interval = \"soon\"\n", 2, "refresh_interval"),
            ("[policy.a]\n\n[policy.a]\n", 3, "duplicate"),
            ("\n[policy.\"a b\"]\n", 2, "cannot be named"),
            ("[policies.a]\n", 1, "unknown `policies`"),
            ("policy = 3\n", 1, "expected a table"),
            ("[policy.a\n", 1, ""),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(&format!("line {line}: ")) && error.contains(reason), "{text}: {error}");
        }
        assert!(read("").unwrap_err().contains("no policy"));
        assert!(read("[{\"name\": \"a\"}, {\"name\": \"a\"}]").unwrap_err().contains("two policies"));
    }
}
