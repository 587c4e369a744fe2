//! What a text of the API may look like, as a schema says it: lengths and patterns (ECMA-262, as JSON Schema uses them).

use asprov_protocol::device::{DeviceId, GroupName, UserName};
use asprov_protocol::policy::limits::DESCRIPTION_CHARACTERS;
use serde_json::Value as Json;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};

use crate::extract::{MAX_ADMINISTRATOR, MAX_REASON};

/// A name of a policy or a rule, by which a path says which. `.` and `..` are names of folders, and a browser
/// would never send them.
const NAME: &str = r"^(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}$";
/// A group: one line, without what separates groups elsewhere.
const GROUP: &str = r"^[^\u0000-\u001f\u007f-\u009f,:]*$";
/// A DeviceId.
const DEVICE_ID: &str = r"^[A-Za-z0-9._-]{1,32}$";
/// Any text of one line: no control character.
const ONE_LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

/// The parameters of paths and headers, by name. One that is not here has no shape that the document could say.
pub(super) fn of_parameter(name: &str) -> Option<RefOr<Schema>> {
    let shape = match name {
        "name" => text(NAME, 64),
        "group" => text(GROUP, GroupName::MAX),
        "user" => one_line(UserName::MAX),
        "device_id" => text(DEVICE_ID, DeviceId::MAX),
        "X-Asprov-Administrator" => one_line(MAX_ADMINISTRATOR),
        _ => return None,
    };
    Some(shape.min_length(Some(1)).into())
}

/// A name of a policy.
pub(crate) fn policy_name() -> RefOr<Schema> {
    text(NAME, 64).min_length(Some(1)).into()
}

/// A name of a policy, or null.
pub(crate) fn policy_name_or_null() -> RefOr<Schema> {
    text(NAME, 64).min_length(Some(1)).schema_type(SchemaType::from_iter([Type::String, Type::Null])).into()
}

/// Why an administrator did something.
pub(crate) fn reason() -> RefOr<Schema> {
    one_line(MAX_REASON).default(Some(Json::from(""))).into()
}

/// What an administrator says about a policy.
pub(crate) fn description() -> RefOr<Schema> {
    one_line(DESCRIPTION_CHARACTERS).default(Some(Json::from(""))).into()
}

/// The priority of a group's assignment, or null.
pub(crate) fn priority() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Integer, Type::Null]))
        .minimum(Some(0))
        .maximum(Some(u32::MAX))
        .into()
}

/// Anything that JSON can say.
pub(crate) fn anything() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).into()
}

fn one_line(most: usize) -> ObjectBuilder {
    text(ONE_LINE, most)
}

fn text(pattern: &str, most: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).max_length(Some(most))
}
