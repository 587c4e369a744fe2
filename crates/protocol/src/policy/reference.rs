//! What is generated from the table: the reference of the settings, and the schema of a policy's settings in JSON.

use core::fmt::Write as _;

use super::{Kind, Neutral, SETTINGS, Setting, Value, limits};

/// The table of `docs/reference/policy-settings.md`, in the order of the schema.
pub fn markdown() -> String {
    let mut text = String::from(
        "| Setting | What it does | Accepts | When unset | Since | Section | Of two, the stricter is | A device may ignore it when |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for setting in SETTINGS {
        let neutral = setting.neutral_value().map_or("empty".into(), |value| value.text());
        let ignored = setting.may_be_ignored_when.unwrap_or("");
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {neutral} | {} | {} | {} | {ignored} |",
            setting.name,
            setting.doc,
            setting.expects(),
            setting.since,
            setting.section,
            setting.stricter().as_str(),
        );
    }
    text
}

/// The JSON Schema of an object that holds settings by name: flags as booleans, numbers and choices as integers, lists
/// as arrays of strings. A setting may be null, which unsets it.
pub fn json_schema() -> String {
    let properties: Vec<_> = SETTINGS.iter().map(property).collect();
    format!(r#"{{"type":"object","additionalProperties":false,"properties":{{{}}}}}"#, properties.join(","))
}

fn property(setting: &Setting) -> String {
    let values = match setting.kind {
        Kind::Flag => r#""type":["boolean","null"]"#.to_owned(),
        Kind::Number { min, max, .. } => format!(r#""type":["integer","null"],"minimum":{min},"maximum":{max}"#),
        Kind::Choice(choices) => {
            let numbers: Vec<_> = choices.iter().map(|(number, _)| number.to_string()).collect();
            format!(r#""enum":[{},null]"#, numbers.join(","))
        }
        Kind::List { .. } => format!(
            r#""type":["array","null"],"maxItems":{},"items":{{"type":"string","minLength":1,"maxLength":{}}}"#,
            limits::LIST_ENTRIES,
            limits::LIST_ENTRY_CHARACTERS
        ),
    };
    let neutral = match setting.neutral {
        Neutral::Empty => "null".to_owned(),
        Neutral::Flag(flag) => flag.to_string(),
        Neutral::Number(number) => Value::Number(number).to_string(),
    };
    format!(r#""{}":{{{values},"default":{neutral},"description":"{}"}}"#, setting.name, setting.doc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_has_a_row_for_every_setting() {
        let text = markdown();
        assert_eq!(text.lines().count(), SETTINGS.len() + 2);
        assert!(text.lines().all(|line| line.matches('|').count() == 9));
        assert!(
            text.contains(
                "| `AllowCamera` | Allow the camera. | 0 or 1 | 1 | 12.1 | 2.2.2.4 | the one that is not neutral | the device has no camera"
            )
        );
        assert!(text.contains("| 1 to 16, or empty | empty | 12.0 | 2.2.2.38 |"));
    }

    #[test]
    fn the_schema_says_what_each_kind_accepts() {
        let schema = json_schema();
        for part in [
            r#""AllowCamera":{"type":["boolean","null"],"default":true,"description":"Allow the camera."}"#,
            r#""MinDevicePasswordLength":{"type":["integer","null"],"minimum":1,"maximum":16,"default":null"#,
            r#""AllowBluetooth":{"enum":[0,1,2,null],"default":2"#,
            r#""ApprovedApplicationList":{"type":["array","null"],"maxItems":1000"#,
        ] {
            assert!(schema.contains(part), "{part}");
        }
        assert_eq!(schema.matches("\"description\"").count(), SETTINGS.len());
        assert_eq!(schema.matches('{').count(), schema.matches('}').count());
    }
}
