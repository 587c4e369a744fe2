//! `asprov policy set`: the policy is read, changed, and saved on condition that nobody was faster.

use asprov_protocol::policy::preset::Preset;
use serde_json::Value;

use super::change::Change;
use super::{Named, difference, lint, preset, say};
use crate::admin_api::AdminApi;
use crate::failure::Failure;

/// How often a change is made again because somebody else was faster.
const ATTEMPTS: usize = 8;

/// Sets what is said, and leaves the rest as it is: whoever changes the same policy at the same time loses nothing.
pub(super) async fn set(
    policy: &Named,
    preset: Option<&'static Preset>,
    changes: &[Change],
    dry_run: bool,
) -> Result<(), Failure> {
    let api = AdminApi::connect(&policy.connection)?;
    for _ in 0..ATTEMPTS {
        let (condition, mut body) = match api.read_tagged(&policy.path()).await? {
            Some((body, tag)) if body.get("unreadable").is_none() => (tag.map(|tag| ("if-match", tag)), body),
            // What is damaged is replaced as a whole: nothing of it can be kept.
            Some((_, tag)) => {
                anstream::eprintln!("the stored policy was damaged; it is replaced by what is said here alone");
                (tag.map(|tag| ("if-match", tag)), serde_json::json!({}))
            }
            None => (Some(("if-none-match", "*".to_owned())), serde_json::json!({})),
        };
        let new = condition.as_ref().is_some_and(|(name, _)| *name == "if-none-match");
        if let Some(preset) = preset {
            body = preset::body(preset)?;
            // It is the preset of another name.
            body.as_object_mut().map(|body| body.remove("name"));
        }
        for change in changes {
            change.apply(&mut body);
        }
        let path = format!("{}?dry_run={dry_run}", policy.path());
        let kept = match condition {
            Some(condition) => api.put_if(&path, condition, &body).await?,
            // A server from before there were ETags.
            None => Some(api.put(&path, &body).await?),
        };
        // Somebody else changed it in between: what is changed here is changed in what it says now.
        let Some(kept) = kept else { continue };
        if dry_run {
            anstream::eprintln!("{}", difference::devices_asked(kept.get("effect"), true));
        } else {
            said(&kept, new, &policy.name);
        }
        return Ok(());
    }
    Err(Failure::new(format!(
        "policy {} was changed by somebody else during each of {ATTEMPTS} attempts to change it",
        policy.name.escape_debug()
    )))
}

/// What there is to say of a policy that was kept.
fn said(kept: &Value, new: bool, name: &str) {
    say(if new { "made" } else { "changed" }, name);
    if difference::devices(kept.get("effect")) > 0 {
        anstream::eprintln!("{}", difference::devices_asked(kept.get("effect"), false));
    }
    lint::remind(kept, name);
}
