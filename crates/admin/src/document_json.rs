//! A policy's settings as JSON, both ways, driven by the table of settings.
//!
//! Setting names are the element names, exactly. A flag is a boolean, a number an integer, a choice an integer or its
//! words, a list an array of texts; null means unset. What a policy holds comes out in the order of the schema, choices
//! as numbers, and without the settings that are unset.

use std::collections::BTreeMap;
use std::fmt;

use asprov_protocol::policy::{Kind, PolicyDocument, PolicyError, SETTINGS, Setting, Value, limits};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value as Json;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{OneOfBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::{Problem, ProblemKind, quoted};

/// A settings object as it comes: names and values that nobody has looked at yet. A name given twice is refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GivenSettings(BTreeMap<String, Json>);

/// The settings of a document, to be written as a JSON object.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicySettings(PolicyDocument);

impl GivenSettings {
    /// The document these settings make.
    ///
    /// # Errors
    /// For a name that no setting has (the nearest one is named), and for a value that the setting does not accept.
    pub fn document(&self) -> Result<PolicyDocument, Problem> {
        let mut document = PolicyDocument::default();
        for (name, json) in &self.0 {
            let setting = SETTINGS.iter().find(|setting| setting.name == name).ok_or_else(|| unknown_setting(name))?;
            if let Some(value) = value_of(setting, json)? {
                document.set(setting.id, value).map_err(|error| refused(setting, &error))?;
            }
        }
        Ok(document)
    }
}

impl From<PolicyDocument> for PolicySettings {
    fn from(document: PolicyDocument) -> Self {
        Self(document)
    }
}

/// A value as JSON.
pub fn json_of(value: &Value) -> Json {
    match value {
        Value::Flag(flag) => Json::from(*flag),
        Value::Number(number) => Json::from(*number),
        Value::List(entries) => Json::from(entries.as_slice()),
    }
}

/// What a setting accepts in JSON, in words.
pub fn accepts(setting: &Setting) -> String {
    let accepted = match setting.kind {
        Kind::Flag => "true or false".to_owned(),
        Kind::Number { min, max, .. } => format!("a whole number from {min} to {max}"),
        Kind::Choice(choices) => {
            let choices: Vec<_> = choices.iter().map(|(number, words)| format!("{number} ({words})")).collect();
            format!("one of {} as number or words", choices.join(", "))
        }
        Kind::List { .. } => format!(
            "an array of at most {} texts of 1 to {} characters without control characters",
            limits::LIST_ENTRIES,
            limits::LIST_ENTRY_CHARACTERS
        ),
    };
    accepted + "; left out, or null in JSON, it is unset"
}

fn value_of(setting: &Setting, json: &Json) -> Result<Option<Value>, Problem> {
    let value = match (setting.kind, json) {
        (_, Json::Null) => return Ok(None),
        (Kind::Flag, Json::Bool(flag)) => Some(Value::Flag(*flag)),
        (Kind::Number { .. } | Kind::Choice(_), Json::Number(number)) => number.as_i64().map(Value::Number),
        (Kind::Choice(choices), Json::String(words)) => choices
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(words.trim()))
            .map(|(number, _)| Value::Number(*number)),
        (Kind::List { .. }, Json::Array(entries)) => {
            entries.iter().map(|entry| entry.as_str().map(str::to_owned)).collect::<Option<_>>().map(Value::List)
        }
        _ => None,
    };
    // A list without entries goes out as an unset one does.
    value
        .map(|value| Some(value).filter(|value| *value != Value::List(Vec::new())))
        .ok_or_else(|| does_not_accept(setting, &quoted(&json.to_string())))
}

/// The document refuses a number out of range or a list with an entry that cannot be used, and says what it was given.
fn refused(setting: &Setting, error: &PolicyError) -> Problem {
    match error {
        PolicyError::InvalidValue { given, .. } => does_not_accept(setting, &format!("`{given}`")),
        other => Problem::new(ProblemKind::InvalidValue, other.to_string()),
    }
}

fn does_not_accept(setting: &Setting, given: &str) -> Problem {
    Problem::new(
        ProblemKind::InvalidValue,
        format!("settings: {} does not accept {given}, expected {}", setting.name, accepts(setting)),
    )
}

fn unknown_setting(name: &str) -> Problem {
    let problem = Problem::new(ProblemKind::UnknownSetting, format!("settings: there is no setting {}", quoted(name)));
    // Nobody means a setting with a name that is longer than any; measuring it would only cost time.
    let short = name.chars().nth(MOST_COMPARED).is_none();
    let lower = name.to_ascii_lowercase();
    let nearest = SETTINGS
        .iter()
        .filter(|_| short)
        .map(|setting| (strsim::damerau_levenshtein(&lower, &setting.name.to_ascii_lowercase()), setting))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((distance, setting)) if distance * 2 <= setting.name.len() => {
            problem.with_hint(format!("did you mean {}?", setting.name))
        }
        _ => problem.with_hint("setting names are the element names of EASProvisionDoc"),
    }
}

/// Longest unknown name that is compared with the known ones, in characters.
const MOST_COMPARED: usize = 64;

impl<'de> Deserialize<'de> for GivenSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Settings;

        impl<'de> Visitor<'de> for Settings {
            type Value = GivenSettings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of settings by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<GivenSettings, A::Error> {
                let mut given = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Json>()? {
                    if given.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("setting {} is given twice", quoted(&name))));
                    }
                    given.insert(name, value);
                }
                Ok(GivenSettings(given))
            }
        }

        deserializer.deserialize_map(Settings)
    }
}

impl Serialize for PolicySettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (setting, value) in self.0.iter() {
            map.serialize_entry(setting.name, &json_of(value))?;
        }
        map.end()
    }
}

impl PartialSchema for PolicySettings {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(
                "The settings of EASProvisionDoc by element name; a setting that is missing or null is unset.",
            ))
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
        SETTINGS.iter().fold(object, |object, setting| object.property(setting.name, schema_of(setting))).into()
    }
}

impl ToSchema for PolicySettings {}

fn schema_of(setting: &Setting) -> Schema {
    let or_null = |kind| SchemaType::from_iter([kind, Type::Null]);
    let text = format!("{} Accepts {}. [MS-ASPROV] {}.", setting.doc, accepts(setting), setting.section);
    match setting.kind {
        Kind::Flag => ObjectBuilder::new().schema_type(or_null(Type::Boolean)).description(Some(text)).build().into(),
        Kind::Number { min, max, .. } => ObjectBuilder::new()
            .schema_type(or_null(Type::Integer))
            .minimum(Some(min))
            .maximum(Some(max))
            .description(Some(text))
            .build()
            .into(),
        Kind::Choice(choices) => {
            let numbers = choices.iter().map(|(number, _)| Json::from(*number));
            let words = choices.iter().map(|(_, words)| Json::from(*words));
            OneOfBuilder::new()
                .item(ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some(numbers)))
                .item(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)))
                .item(ObjectBuilder::new().schema_type(Type::Null))
                .description(Some(text))
                .build()
                .into()
        }
        Kind::List { .. } => ArrayBuilder::new()
            .schema_type(or_null(Type::Array))
            .items(
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .min_length(Some(1))
                    .max_length(Some(limits::LIST_ENTRY_CHARACTERS)),
            )
            .max_items(Some(limits::LIST_ENTRIES))
            .description(Some(text))
            .build()
            .into(),
    }
}

#[cfg(test)]
mod tests;
