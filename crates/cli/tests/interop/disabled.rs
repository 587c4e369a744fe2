//! The account is disabled in SOGo, and the wipe that is ordered afterwards still arrives. A stranger gets HTTP 401.

use asprov_wbxml::Element;
use asprov_wbxml::code_page::{folder_hierarchy, provision};

use crate::gateway::Gateway;
use crate::phone::{Phone, element_of, folders, text, wiped};
use crate::server;

#[test]
fn a_wipe_arrives_after_the_account_was_disabled_in_sogo_and_a_stranger_gets_401() {
    let (Some(sogo), Some(disable)) = (server("ASPROV_INTEROP_SOGO"), server("ASPROV_INTEROP_SOGO_DISABLE")) else {
        return;
    };
    let gateway = Gateway::start(&sogo, "replace");
    gateway.demand_a_policy();
    let mut phone = Phone::new(&gateway.url, "DISABLED1");
    phone.user = "cleo";
    phone.provision();
    assert_eq!(folders(&phone.folder_sync()).0, "1");

    assert!(std::process::Command::new(disable).arg("cleo").status().unwrap().success());
    gateway.until("SOGo refusing the password", |_| (phone.folder_sync().status == 401).then_some(()));
    gateway.administer(&["device", "wipe", "cleo", "DISABLED1", "--yes", "--reason", "left"]);
    let told = element_of(&phone.folder_sync());
    assert_eq!(text(&told, &[folder_hierarchy::STATUS]).as_deref(), Some("140"), "it is told to come for it");

    let empty = Element::new(provision::PROVISION);
    let mut stranger = Phone::new(&gateway.url, "DISABLED1");
    stranger.key = Some("1".to_owned());
    let guess = |message: &Element<'_>| {
        stranger.request("Provision", message).signed_in("cleo", "a guess").send(&gateway.url).status
    };
    assert_eq!((guess(&empty), guess(&wiped())), (401, 401));
    assert_eq!(stranger.request("FolderSync", &empty).signed_in("cleo", "a guess").send(&gateway.url).status, 401);
    assert_eq!(gateway.device("cleo", "DISABLED1")["wipe"]["state"], "pending", "it acknowledged nothing");

    let directive = element_of(&phone.call("Provision", &empty));
    assert!(directive.child(provision::REMOTE_WIPE).is_some(), "{directive:?}");
    let confirmed = element_of(&phone.call("Provision", &wiped()));
    assert_eq!(text(&confirmed, &[provision::STATUS]).as_deref(), Some("1"));
    assert_eq!(gateway.device("cleo", "DISABLED1")["phase"], "wiped");
    assert_eq!(phone.call("Provision", &empty).status, 401, "and that was all of it");
}
