//! `asprov device trace`: records the next messages of one device and shows them as they come.

use asprov_admin::harmless_json;
use std::io;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Named, say};
use crate::admin_api::{AdminApi, text_of};
use crate::failure::Failure;
use crate::terminal::{HEADING, harmless, painted};

/// How often the server is asked for what came meanwhile.
const EVERY: Duration = Duration::from_secs(1);

#[derive(clap::Args, Debug)]
pub(super) struct Recording {
    #[command(flatten)]
    device: Named,
    /// For how many minutes, at most 60; it begins a second from now, when every node has heard of it
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    minutes: u8,
    /// Show what was recorded so far, and begin nothing
    #[arg(long, conflicts_with = "stop")]
    show: bool,
    /// Begin, and do not wait for messages; what comes from a second from now on is recorded
    #[arg(long, conflicts_with_all = ["show", "stop"])]
    no_follow: bool,
    /// End the recording and drop it
    #[arg(long)]
    stop: bool,
    /// Print JSON, an object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn trace(recording: &Recording, out: &mut dyn io::Write) -> Result<(), Failure> {
    let key = &recording.device.key;
    let api = AdminApi::connect(&recording.device.connection)?;
    let path = key.path("/trace");
    if recording.stop {
        api.delete(&path).await?;
        return say("the recording is dropped", key);
    }
    if !recording.show {
        let begun = api.post(&path, &json!({ "minutes": recording.minutes })).await?;
        say(&format!("recorded from a second from now until {}", harmless(&text_of(begun.get("until")))), key)?;
    }
    if recording.no_follow {
        return Ok(());
    }
    let mut after = 0;
    loop {
        let answer = api.read(&format!("{path}?after={after}")).await?;
        for message in answer.get("messages").and_then(Value::as_array).into_iter().flatten() {
            after = message.get("number").and_then(Value::as_u64).unwrap_or(after).max(after);
            if recording.json {
                writeln!(out, "{}", harmless_json(&message.to_string()))?;
            } else {
                write(message, out)?;
            }
        }
        out.flush()?;
        if recording.show && after == 0 {
            let yet = if answer.get("going_on") == Some(&Value::Bool(true)) { " yet" } else { "" };
            say(&format!("nothing was recorded{yet}"), key)?;
        }
        if recording.show || answer.get("going_on") != Some(&Value::Bool(true)) {
            return Ok(());
        }
        // The recording has its own end; whoever interrupts this leaves it to that.
        tokio::time::sleep(EVERY).await;
    }
}

fn write(message: &Value, out: &mut dyn io::Write) -> Result<(), Failure> {
    let text = |name: &str| text_of(message.get(name));
    let head = format!("{} {} {}", harmless(&text("at")), harmless(&text("request_id")), harmless(&text("head")));
    writeln!(out, "{}", painted(HEADING, head))?;
    for (arrow, name) in [(">", "request"), ("<", "answer")] {
        for line in text(name).lines() {
            writeln!(out, "  {arrow} {}", harmless(line))?;
        }
    }
    Ok(())
}
