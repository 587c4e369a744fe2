//! What a device says of itself in a Settings request on its way to the upstream.

use asprov_protocol::http::Command;
use asprov_protocol::server::access_rule::RuleName;
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::Element;
use asprov_wbxml::code_page::{folder_hierarchy, settings};

use super::super::support::{Device, bytes_of, text};
use super::in_front_of;
use super::upstream::Upstream;

#[tokio::test]
async fn up_to_14_0_settings_says_what_a_device_is_and_it_is_judged_again() {
    for version in [ProtocolVersion::V12_1, ProtocolVersion::V14_0] {
        let upstream = Upstream::new().await;
        let server = in_front_of(&upstream).await;
        let mut device = Device::new("A", version);
        device.handshake(&server).await;
        let rule = "block if OS < \"iOS 17\"".parse().unwrap();
        server.store.put_access_rule(&RuleName::new("old").unwrap(), &rule).await.unwrap();
        assert_eq!(device.folder_sync(&server).await.body, b"fine", "{version}: nothing is known of its OS yet");

        let set = Element::new(settings::SET).with_child(Element::with_text(settings::OS, "iOS 16.7"));
        let told =
            Element::new(settings::SETTINGS).with_child(Element::new(settings::DEVICE_INFORMATION).with_child(set));
        assert_eq!(device.send(&server, Command::Settings, Some(&told)).await.body, b"fine", "{version}");
        let arrived = upstream.commands().pop().unwrap();
        assert_eq!(arrived.body, bytes_of(&told), "{version}: as it was");

        let answer = device.folder_sync(&server).await;
        if version == ProtocolVersion::V14_0 {
            assert_eq!(text(&answer.document(), folder_hierarchy::STATUS).as_deref(), Some("129"));
        } else {
            assert_eq!(answer.status, 403);
        }
        assert_eq!(upstream.commands().len(), 2, "{version}: it did not arrive");
        let information = device.row(&server).await.unwrap().record.device_information;
        assert_eq!(information.os.as_deref(), Some("iOS 16.7"), "{version}");
    }
}
