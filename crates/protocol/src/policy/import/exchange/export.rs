//! A policy as parameters of `Set-MobileDeviceMailboxPolicy`, in the form in which they are imported.

use super::table::{Form, ROWS, Rule, Target};
use super::text;
use crate::policy::import::Remark;
use crate::policy::{Policy, Setting, Value};

/// A policy in Exchange's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Every parameter of a policy that has a counterpart here, in a fixed order.
    pub parameters: Vec<(&'static str, ParameterValue)>,
    /// What Exchange cannot say.
    pub remarks: Vec<Remark>,
}

/// The value of a parameter, as JSON knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterValue {
    /// `null`: unset.
    Null,
    /// A boolean.
    Flag(bool),
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

/// Writes a policy.
pub fn export(policy: &Policy) -> Exported {
    let mut exported = Exported { parameters: Vec::new(), remarks: Vec::new() };
    for row in ROWS {
        let Some(name) = row.names.first().copied() else { continue };
        let value = match row.target {
            Target::Name => ParameterValue::Text(policy.name.as_str().to_owned()),
            Target::Setting(id, form) => {
                let value = policy.document.value(id).cloned().or_else(|| id.setting().neutral_value());
                remark_on_range(&mut exported.remarks, name, id.setting(), value.as_ref());
                of_setting(form, value)
            }
            Target::Rule(rule) => of_rule(&mut exported.remarks, name, policy, rule),
            Target::NotCarried(_) => continue,
        };
        exported.parameters.push((name, value));
    }
    let mut lost = |what: &str| exported.remarks.push(Remark::new(None, what, "has no counterpart in Exchange"));
    if !policy.description.is_empty() {
        lost("description");
    }
    if !policy.rules.require_device_information {
        lost("require_device_information");
    }
    exported
}

fn of_setting(form: Form, value: Option<Value>) -> ParameterValue {
    let unlimited = || ParameterValue::Text("Unlimited".to_owned());
    match (form, value) {
        (_, Some(Value::Flag(flag))) => ParameterValue::Flag(flag),
        (Form::Size, Some(Value::Number(-1))) => unlimited(),
        (Form::Seconds, Some(Value::Number(seconds))) => ParameterValue::Text(text::time_span(seconds)),
        (Form::Days, Some(Value::Number(days))) => ParameterValue::Text(text::time_span_of_days(days)),
        (Form::Word(words), Some(Value::Number(number))) => words
            .iter()
            .find(|(_, known)| *known == number)
            .map_or(ParameterValue::Number(number), |(word, _)| ParameterValue::Text((*word).to_owned())),
        (_, Some(Value::Number(number))) => ParameterValue::Number(number),
        // Exchange wants a name beside each hash.
        (Form::Hashes, Some(Value::List(entries))) => ParameterValue::List(
            entries.iter().enumerate().map(|(at, hash)| format!("{hash}:application-{}", at + 1)).collect(),
        ),
        (_, Some(Value::List(entries))) => ParameterValue::List(entries),
        (Form::Names | Form::Hashes, None) => ParameterValue::List(Vec::new()),
        (Form::Limit | Form::Days | Form::Seconds | Form::Bytes | Form::Size, None) => unlimited(),
        (Form::Flag | Form::Number | Form::Word(_), None) => ParameterValue::Null,
    }
}

fn of_rule(remarks: &mut Vec<Remark>, name: &'static str, policy: &Policy, rule: Rule) -> ParameterValue {
    let rules = policy.rules;
    match rule {
        Rule::NonProvisionable => {
            if rules.allow_non_provisionable != rules.allow_partial {
                let why = "Exchange means allow_non_provisionable and allow_partial by it; they differ, and it is off";
                remarks.push(Remark::new(None, name, why));
            }
            ParameterValue::Flag(rules.allow_non_provisionable && rules.allow_partial)
        }
        Rule::ExternallyManaged => ParameterValue::Flag(rules.allow_externally_managed),
        Rule::RefreshInterval => ParameterValue::Text(
            rules
                .refresh_interval
                .and_then(|interval| i64::try_from(interval.seconds()).ok())
                .map_or_else(|| "Unlimited".to_owned(), text::time_span),
        ),
    }
}

fn remark_on_range(remarks: &mut Vec<Remark>, name: &'static str, setting: &Setting, value: Option<&Value>) {
    if let (Some((range, words)), Some(Value::Number(number))) = (text::range_of_exchange(setting.id), value)
        && !range.contains(number)
    {
        remarks.push(Remark::new(None, name, format!("Exchange accepts {words} only")));
    }
}
