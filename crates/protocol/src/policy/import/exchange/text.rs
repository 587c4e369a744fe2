//! The values of Exchange as text: flags, limits, sizes and .NET's time spans, both ways.

use super::table::Form;
use crate::policy::{Setting, SettingId, Value};

const SECONDS_OF_A_DAY: i64 = 86_400;
/// .NET counts time in ticks of 100 nanoseconds.
const TICKS_OF_A_SECOND: i64 = 10_000_000;

/// The value in this form. `None` when it is none; `Some(None)` when it says "unset".
pub(super) fn value(setting: &Setting, form: Form, text: &str) -> Option<Option<Value>> {
    if text.is_empty() {
        return Some(None);
    }
    match form {
        Form::Flag => flag(text).map(|flag| Some(Value::Flag(flag))),
        Form::Number => number(text).map(|number| Some(Value::Number(number))),
        Form::Limit => limit(text, number),
        Form::Bytes => limit(text, bytes),
        Form::Size if is_unlimited(text) => Some(Some(Value::Number(-1))),
        Form::Size => number(text).map(|number| Some(Value::Number(number))),
        Form::Seconds => seconds(text).map(|seconds| seconds.map(Value::Number)),
        Form::Days => seconds(text).map(|seconds| seconds.map(|seconds| Value::Number(days(seconds)))),
        Form::Word(words) => words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text))
            .map(|(_, number)| *number)
            // Windows PowerShell writes the number of a word.
            .or_else(|| number(text).filter(|number| words.iter().any(|(_, known)| known == number)))
            .map(|number| Some(Value::Number(number))),
        Form::Names | Form::Hashes => setting.read(text).ok(),
    }
}

/// Whole days, and no less than one of a span that is not zero: rounding does not loosen.
fn days(seconds: i64) -> i64 {
    let days = seconds / SECONDS_OF_A_DAY;
    if seconds > 0 { days.max(1) } else { days }
}

/// Whether a time span is one of whole days.
pub(super) fn is_whole_days(text: &str) -> bool {
    seconds(text).flatten().is_none_or(|seconds| seconds % SECONDS_OF_A_DAY == 0)
}

pub(super) fn flag(text: &str) -> Option<bool> {
    ["False", "0"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(text))
        .then_some(false)
        .or_else(|| ["True", "1"].iter().any(|word| word.eq_ignore_ascii_case(text)).then_some(true))
}

fn is_unlimited(text: &str) -> bool {
    text.eq_ignore_ascii_case("Unlimited")
}

fn limit(text: &str, read: fn(&str) -> Option<i64>) -> Option<Option<Value>> {
    if is_unlimited(text) { Some(None) } else { read(text).map(|number| Some(Value::Number(number))) }
}

/// Digits and nothing else; beyond 18 of them no setting accepts anything.
fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// `1048576`, or `1 MB (1,048,576 bytes)`.
fn bytes(text: &str) -> Option<i64> {
    number(text).or_else(|| {
        let (_, rest) = text.split_once('(')?;
        number(&rest.strip_suffix(" bytes)")?.replace([',', '.', ' '], ""))
    })
}

/// The seconds of a time span, `[d.]hh:mm:ss[.fraction]`; `Some(None)` for Unlimited. A fraction is cut.
pub(super) fn seconds(text: &str) -> Option<Option<i64>> {
    if is_unlimited(text) || text.is_empty() {
        return Some(None);
    }
    let mut parts = text.split(':');
    let (first, minutes, last) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (days, hours) = match first.split_once('.') {
        Some((days, hours)) => (number(days)?, hours),
        None => (0, first),
    };
    let (last, fraction) = last.split_once('.').unwrap_or((last, "0"));
    number(fraction)?;
    let below = |text: &str, most: i64| number(text).filter(|number| text.len() <= 2 && *number < most);
    let (hours, minutes, last) = (below(hours, 24)?, below(minutes, 60)?, below(last, 60)?);
    let of_the_day = hours * 3_600 + minutes * 60 + last;
    Some(Some(days.checked_mul(SECONDS_OF_A_DAY)?.checked_add(of_the_day)?))
}

/// The time span of so many ticks, as text.
pub(super) fn from_ticks(ticks: &str) -> Option<String> {
    number(ticks).map(|ticks| time_span(ticks / TICKS_OF_A_SECOND))
}

/// A time span as text.
pub(super) fn time_span(seconds: i64) -> String {
    let (days, rest) = (seconds / SECONDS_OF_A_DAY, seconds % SECONDS_OF_A_DAY);
    let time = format!("{:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60);
    if days == 0 { time } else { format!("{days}.{time}") }
}

/// The time span of so many days.
pub(super) fn time_span_of_days(days: i64) -> String {
    time_span(days.saturating_mul(SECONDS_OF_A_DAY))
}

/// What Exchange itself accepts for a setting, where that is less than the protocol does.
pub(super) fn range_of_exchange(id: SettingId) -> Option<(core::ops::RangeInclusive<i64>, &'static str)> {
    match id {
        SettingId::MaxInactivityTimeDeviceLock => Some((60..=3_600, "1 minute to 1 hour")),
        SettingId::DevicePasswordExpiration => Some((1..=730, "1 to 730 days")),
        SettingId::DevicePasswordHistory => Some((0..=50, "0 to 50")),
        _ => None,
    }
}
