//! `asprov policy export`: policies as TOML that `policy apply` takes.

use std::io;

use serde_json::Value;

use super::path;
use crate::admin_api::{AdminApi, text_of};
use crate::failure::Failure;

pub(super) async fn run(api: &AdminApi, names: &[String], out: &mut dyn io::Write) -> Result<(), Failure> {
    let mut policies = Vec::new();
    for name in names {
        policies.push(api.read(&path(name)).await?);
    }
    if names.is_empty() {
        let answer = api.read("/api/v1/policies").await?;
        policies.extend(answer.get("items").and_then(Value::as_array).into_iter().flatten().cloned());
    }
    if let Some(damaged) = policies.iter().find(|policy| policy.get("unreadable").is_some()) {
        let (name, fault) = (text_of(damaged.get("name")), text_of(damaged.get("unreadable")));
        return Err(Failure::new(format!("policy {} is damaged: {}", name.escape_debug(), fault.escape_debug())));
    }
    Ok(out.write_all(written(&policies)?.as_bytes())?)
}

/// Policies as the API answers them, as a file.
fn written(policies: &[Value]) -> Result<String, Failure> {
    let mut tables = toml::Table::new();
    for policy in policies {
        let mut fields = policy.clone();
        if let Value::Object(fields) = &mut fields {
            fields.remove("name");
            // TOML has no null; what is left out is the same.
            fields.retain(|_, value| !value.is_null());
        }
        tables.insert(text_of(policy.get("name")), toml::Value::try_from(fields).map_err(Failure::new)?);
    }
    let mut file = toml::Table::new();
    file.insert("policy".to_owned(), toml::Value::Table(tables));
    toml::to_string(&file).map_err(Failure::new)
}

#[cfg(test)]
mod tests {
    use asprov_admin::policy_to_json;
    use asprov_protocol::policy::{Kind, Policy, PolicyName, PolicyRules, RefreshInterval, SETTINGS, Setting};
    use proptest::prelude::*;

    use super::super::file;
    use super::*;

    fn any_value(setting: &'static Setting) -> BoxedStrategy<asprov_protocol::policy::Value> {
        use asprov_protocol::policy::Value;
        match setting.kind {
            Kind::Flag => any::<bool>().prop_map(Value::Flag).boxed(),
            Kind::Number { min, max, .. } => (min..=max).prop_map(Value::Number).boxed(),
            Kind::Choice(choices) => {
                proptest::sample::select(choices).prop_map(|(number, _)| Value::Number(number)).boxed()
            }
            Kind::List { .. } => prop::collection::vec("[ -~äß€📱]{1,20}", 1..5).prop_map(Value::List).boxed(),
        }
    }

    fn any_policy(name: &'static str) -> impl Strategy<Value = Policy> {
        let values: Vec<_> = SETTINGS.iter().map(|setting| prop::option::of(any_value(setting))).collect();
        let flags = prop::collection::vec(any::<bool>(), 5);
        (values, flags, prop::option::of(1_u64..315_360_000), "[ -~äß€]{0,40}").prop_map(
            move |(values, flags, seconds, description)| {
                let mut policy = Policy::neutral(PolicyName::new(name).unwrap());
                policy.description = description;
                policy.rules = PolicyRules {
                    allow_non_provisionable: flags[0],
                    allow_partial: flags[1],
                    allow_externally_managed: flags[2],
                    require_device_information: flags[3],
                    refresh_interval: seconds.map(|seconds| RefreshInterval::from_seconds(seconds).unwrap()),
                    report_only: flags[4],
                };
                for (setting, value) in SETTINGS.iter().zip(values) {
                    // A value that the setting does not accept, such as an entry of blanks, stays out.
                    let _ = value.map(|value| policy.document.set(setting.id, value));
                }
                policy
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_exported_and_read_again_says_the_same(one in any_policy("default"), other in any_policy("a.b-2")) {
            let text = written(&[policy_to_json(&one), policy_to_json(&other)]).unwrap();
            prop_assert_eq!(file::read(&text).map_err(TestCaseError::fail)?, vec![other, one]);
        }
    }
}
