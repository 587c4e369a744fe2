//! What a device tells of itself outside Provision, with Settings ([MS-ASCMD] 2.2.1.18): at 14.0 and older that is the only
//! way. It goes into the device's record, and with it every held request of the device is judged again.

use asprov_protocol::device::DeviceKey;
use asprov_protocol::message::DeviceInformation;
use asprov_protocol::server::DeviceRecord;

use crate::path::{Away, Path};

/// Writes it into the device's record. A device that has none, such as the name under which Android checks an account,
/// gets none from this.
pub(crate) async fn keep(path: &Path, device: &DeviceKey, information: &DeviceInformation) -> Result<(), Away> {
    let kept = path.change(device, |snapshot| {
        let before = snapshot.device.as_ref()?;
        let mut record: DeviceRecord = before.clone();
        record.device_information.merge(information);
        (record != *before).then_some(record)
    });
    kept.await
}
