//! Where a page of devices begins, as text that only this file reads.

use asprov_protocol::device::{DeviceId, DeviceKey, UserName};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::problem::Problem;

/// Between user and DeviceId: neither can hold a line break.
const SEPARATOR: char = '\n';

/// The cursor that begins after `device`.
pub(super) fn write(device: &DeviceKey) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{}{SEPARATOR}{}", device.user, device.device_id))
}

/// The device after which the page begins.
pub(super) fn read(cursor: &str) -> Result<DeviceKey, Problem> {
    let key = || {
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (user, device_id) = text.split_once(SEPARATOR)?;
        Some(DeviceKey { user: UserName::new(user).ok()?, device_id: DeviceId::new(device_id).ok()? })
    };
    key().ok_or_else(|| Problem::invalid("cursor", cursor, "the next_cursor of a page, unchanged"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_whatever_the_user_is_called() {
        for user in ["ann", "ann@example.com", "corp\\ann", "a/b?c=d&e", "müller"] {
            let device =
                DeviceKey { user: UserName::new(user).unwrap(), device_id: DeviceId::new("ABC.1-2_3").unwrap() };
            let cursor = write(&device);
            assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{cursor}");
            assert_eq!(read(&cursor), Ok(device));
        }
    }

    #[test]
    fn a_made_up_cursor_is_refused() {
        for cursor in ["", "x", "!!!", "YW5u", "YW5uCg", "CkFCQw", "/w"] {
            assert!(read(cursor).unwrap_err().detail().starts_with("cursor is `"), "{cursor}");
        }
    }
}
