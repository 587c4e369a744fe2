//! SIGHUP: the configuration is read again, and no held request notices.

use super::server::{Server, end};
use super::upstream::Upstream;

const LISTENERS: &str = "listen = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\nstore = \"sqlite:asprov.db\"\n";

fn gateway(upstream: &Upstream, more: &str) -> String {
    format!("upstream = \"{}\"\n{LISTENERS}{more}", upstream.url())
}

#[test]
fn a_held_ping_goes_on_through_a_reload_and_later_requests_meet_the_new_configuration() {
    let (first, second) = (Upstream::new("first"), Upstream::new("second"));
    let server = Server::start(&gateway(&first, ""));
    server.says("refuses wrong credentials");
    assert_eq!(server.ask("FolderSync").body(), b"first");
    let ping = server.begin("Ping");
    first.holds(1);

    // Faulty as a whole or in one place: nothing changes, and the log says what is wrong.
    for (faulty, fault) in [
        ("upstream = ", "asprov.toml, line 1"),
        ("usres = \"users\"\n", "unknown key `usres`"),
        ("upstream = \"mail\"\n", "upstream: "),
        ("upstream = \"http://127.0.0.1:1\"\nusers = \"nowhere\"\n", "nowhere"),
    ] {
        let before = server.reload(faulty);
        let line = server.says_after(&before, "the configuration was not read again");
        assert!(line.contains(fault), "{line}");
        server.says_after(&before, "the running configuration stays as it is");
        assert_eq!(server.ask("FolderSync").body(), b"first", "{faulty}");
    }
    std::fs::remove_file(server.path().join("asprov.toml")).unwrap();
    let before = server.hang_up();
    assert!(
        server.says_after(&before, "the configuration was not read again").contains("asprov.toml"),
        "a file that has gone is a fault"
    );

    let moved = gateway(&second, "log = \"debug\"\ndevices_per_user = 1\n[policy]\nspread = \"1m\"\n")
        .replace("admin_listen = \"127.0.0.1:0\"", "admin_listen = \"127.0.0.1:1\"");
    let before = server.reload(&moved);
    let line = server.says_after(&before, "the configuration was read again");
    assert!(line.contains("\"devices_per_user, log, policy.spread, upstream\""), "{line}");
    let line = server.says_after(&before, "need a restart");
    assert!(line.contains("\"admin_listen\""), "{line}");
    assert_eq!(server.ask("FolderSync").body(), b"second");

    first.let_go();
    let answer = end(ping);
    assert_eq!((answer.status(), answer.body()), (200, &b"first"[..]), "answered by what it began with");

    // Once more the same: nothing is new but what still waits.
    let before = server.hang_up();
    assert!(server.says_after(&before, "the configuration was read again").contains("\"nothing\""));
    server.says_after(&before, "need a restart");
    assert!(server.log().contains("DEBUG"), "the level of the log has changed too");
}

#[test]
fn a_wipe_reaches_a_ping_that_was_held_before_the_reload() {
    let upstream = Upstream::new("mail");
    let server = Server::start(&gateway(&upstream, ""));
    server.says("refuses wrong credentials");
    assert_eq!(server.ask("FolderSync").status(), 200);
    let ping = server.begin("Ping");
    upstream.holds(1);
    let before = server.reload(&gateway(&upstream, "devices_per_user = 7\n"));
    server.says_after(&before, "the configuration was read again");
    server.administer(&["device", "wipe", "ann", "A1", "--yes"]);
    let answer = end(ping);
    let element =
        asprov_wbxml::decode(answer.body(), &asprov_wbxml::Limits::default(), asprov_wbxml::Unknown::Refuse).unwrap();
    assert!(asprov_wbxml::xml::to_xml(&element).contains("Status>7<"), "FolderSync follows, and gets the wipe");
}

#[test]
fn users_and_the_mode_are_read_again_and_the_empty_mailbox_can_become_a_gateway() {
    let upstream = Upstream::new("mail");
    let server = Server::start(&format!("users = \"users\"\n{LISTENERS}"));
    let settings = server.ask("Settings");
    assert_ne!(settings.body(), b"mail", "the empty mailbox answers");
    std::fs::write(server.path().join("nobody"), "").unwrap();
    let before = server.reload(&format!("users = \"nobody\"\n{LISTENERS}"));
    assert!(server.says_after(&before, "the configuration was read again").contains("\"users\""));
    assert_eq!(server.ask("FolderSync").status(), 401);
    let before = server.reload(&gateway(&upstream, "mode = \"observe\"\n"));
    assert!(server.says_after(&before, "the configuration was read again").contains("\"mode, upstream, users\""));
    assert_eq!(server.ask("FolderSync").body(), b"mail");
    let log = server.log();
    assert!(!log.contains("secret") && !log.contains(super::server::ANN), "{log}");
}
