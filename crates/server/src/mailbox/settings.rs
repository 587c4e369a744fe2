//! Settings ([MS-ASCMD] 2.2.1.18): what the device tells of itself is kept, who the user is is told, and a recovery
//! password is declined.

use asprov_protocol::http::Reply;
use asprov_protocol::message::{RecoveryPassword, SettingsAnswer, SettingsProperty, SettingsRequest, SettingsResponse};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::Element;

use crate::path::{Away, Path};
use crate::seen::inventory::keep;
use crate::service::Passed;

/// The answer to a Settings request, once what it tells is kept; and why it is refused, for the log.
pub(super) async fn answer(
    path: &Path,
    passed: &Passed,
    request: &Element<'static>,
    mail_domain: &str,
) -> Result<(Reply, Option<String>), Away> {
    let version = passed.caller.version;
    let request = match SettingsRequest::from_element(request) {
        Ok(request) => request,
        Err(error) => {
            let refused = SettingsResponse::with_status(SettingsResponse::PROTOCOL_ERROR);
            return Ok((reply(&refused, version), Some(error.to_string())));
        }
    };
    let mut response = SettingsResponse::with_status(Status::SUCCESS);
    for property in &request.properties {
        response.properties.push(match property {
            SettingsProperty::DeviceInformation(information) => {
                keep(path, &passed.caller.device, information).await?;
                SettingsAnswer::DeviceInformation(Status::SUCCESS)
            }
            SettingsProperty::DevicePassword(password) => SettingsAnswer::DevicePassword(match password {
                RecoveryPassword::TooLong => SettingsResponse::INVALID_ARGUMENTS,
                // None is kept here, whatever the policy says.
                RecoveryPassword::Keep(_) | RecoveryPassword::Clear => SettingsResponse::DENIED_BY_POLICY,
            }),
            SettingsProperty::UserInformation => SettingsAnswer::UserInformation {
                status: Status::SUCCESS,
                addresses: vec![address(passed.caller.device.user.as_str(), mail_domain)],
            },
            // There is nothing to be away from.
            SettingsProperty::Oof => SettingsAnswer::Oof(SettingsResponse::INVALID_ARGUMENTS),
            SettingsProperty::RightsManagementInformation => {
                SettingsAnswer::RightsManagementInformation(Status::IRM_FEATURE_DISABLED)
            }
        });
    }
    Ok((reply(&response, version), None))
}

fn reply(response: &SettingsResponse, version: ProtocolVersion) -> Reply {
    Reply::ok(response.to_element(version))
}

/// A user name that is an address already is the address.
fn address(user: &str, mail_domain: &str) -> String {
    if user.contains('@') {
        return user.to_owned();
    }
    // `example\ann` is ann there.
    let name = user.rsplit_once('\\').map_or(user, |(_, name)| name);
    format!("{name}@{mail_domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_user_name_or_made_from_it() {
        assert_eq!(address("ann@example.com", "asprov.invalid"), "ann@example.com");
        assert_eq!(address("ann", "example.org"), "ann@example.org");
        assert_eq!(address("other\\ann", "example.org"), "ann@example.org");
    }
}
