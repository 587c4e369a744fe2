//! What `Get-MobileDeviceMailboxPolicy | ConvertTo-Json` prints, as parameters for the importer. It reaches nothing of
//! the program, because the fuzzer reads it as well.

#[path = "exchange_json/lines.rs"]
mod lines;

use asprov_protocol::policy::import::Imported;
use asprov_protocol::policy::import::exchange::{self, Parameter};
use serde_json::Value;

use self::lines::Lines;

/// Exchange writes one object, or an array of them.
pub(crate) fn read(text: &str) -> Result<Vec<Imported>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let json: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let policies = match json {
        Value::Array(policies) => policies,
        policy => vec![policy],
    };
    let lines = Lines::of(text);
    let policies = policies.iter().enumerate();
    policies
        .map(|(at, policy)| {
            one(policy, |name| lines.line(at, name)).map_err(|error| format!("policy {}: {error}", at + 1))
        })
        .collect()
}

fn one(policy: &Value, line: impl Fn(&str) -> Option<usize>) -> Result<Imported, String> {
    let Value::Object(fields) = policy else { return Err("it is no JSON object".to_owned()) };
    let mut flat: Vec<(String, String)> = Vec::new();
    for (name, value) in fields {
        match value {
            Value::Array(entries) => {
                for entry in entries {
                    flat.push((name.clone(), scalar(name, entry)?));
                }
            }
            Value::Object(parts) => {
                for (part, value) in parts {
                    // What stands deeper says nothing about the policy.
                    if !matches!(value, Value::Array(_) | Value::Object(_)) {
                        flat.push((format!("{name}.{part}"), scalar(name, value)?));
                    }
                }
            }
            value => flat.push((name.clone(), scalar(name, value)?)),
        }
    }
    // `MaxAttachmentSize.Value` is a part of a parameter.
    let line = |name: &str| line(name.split('.').next().unwrap_or(name));
    let parameters: Vec<_> = flat.iter().map(|(name, value)| Parameter { name, value, line: line(name) }).collect();
    exchange::import(&parameters).map_err(|error| error.to_string())
}

fn scalar(name: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Array(_) | Value::Object(_) => Err(format!("{} holds a list within a list", name.escape_debug())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_refused_with_its_place() {
        assert!(read("{").unwrap_err().starts_with("it is no JSON"));
        assert_eq!(read("[3]").unwrap_err(), "policy 1: it is no JSON object");
        let error = read("{\"PasswordEnabled\": \"perhaps\"}").unwrap_err();
        assert!(error.starts_with("policy 1: line 1: PasswordEnabled: `perhaps`, expected"), "{error}");
        let error = read("[{\"AllowWiFi\": true},\n {\"Name\": \"b\",\n\"AllowWiFi\": \"perhaps\"}]").unwrap_err();
        assert!(error.starts_with("policy 2: line 3: AllowWiFi: `perhaps`"), "{error}");
        let nested = read("{\"PasswordEnabled\": [[1]]}").unwrap_err();
        assert!(nested.contains("a list within a list"), "{nested}");
    }
}
