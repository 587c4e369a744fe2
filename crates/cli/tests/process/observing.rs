//! What an administrator is told who orders a wipe or blocks a phone where the server only observes.

use super::server::Server;
use super::upstream::Upstream;

const REACHES_NOBODY: &str = "The server only observes: nothing reaches the phone until its mode is `replace`.";

fn gateway(upstream: &Upstream, mode: &str) -> String {
    format!(
        "upstream = \"{}\"\nmode = \"{mode}\"\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n\
         store = \"sqlite:asprov.db\"\n",
        upstream.url()
    )
}

#[test]
fn an_order_that_reaches_nobody_is_possible_and_said_to_take_effect_later() {
    let upstream = Upstream::new("mail");
    let server = Server::start(&gateway(&upstream, "replace"));
    server.says("refuses wrong credentials");
    assert_eq!(server.ask("FolderSync").body(), b"mail");
    let what_if = server.administer(&["device", "wipe", "ann", "A1", "--what-if"]);
    assert!(!what_if.contains("observes") && what_if.contains("Status 140"), "{what_if}");
    let before = server.reload(&gateway(&upstream, "observe"));
    server.says_after(&before, "the configuration was read again");

    let blocked = server.administer(&["device", "block", "ann", "A1"]);
    assert!(blocked.contains("note: The server only observes: it keeps no phone out"), "{blocked}");
    let allowed = server.administer(&["device", "allow", "ann", "A1"]);
    assert!(!allowed.contains("observes"), "{allowed}");
    let what_if = server.administer(&["device", "wipe", "ann", "A1", "--what-if"]);
    assert!(what_if.contains(REACHES_NOBODY), "{what_if}");
    let ordered = server.administer(&["device", "wipe", "ann", "A1", "--yes"]);
    assert!(ordered.contains(&format!("note: {REACHES_NOBODY}")), "{ordered}");
    assert!(ordered.contains("device wipe pending"), "{ordered}");

    assert_eq!(server.ask("FolderSync").body(), b"mail", "nobody is kept out");
    let wipes = server.administer(&["device", "wipes", "ann", "A1"]);
    assert!(wipes.contains(REACHES_NOBODY) && !wipes.contains("no command of it"), "{wipes}");
    let why = server.administer(&["device", "why", "ann", "A1"]);
    let begins = "ann A1: is not kept out, for the server only observes why The server only observes: nothing here keeps any \
                  phone out. What follows is what its mode `replace` would do.";
    assert!(why.starts_with(begins), "{why}");

    let before = server.reload(&gateway(&upstream, "replace"));
    server.says_after(&before, "the configuration was read again");
    server.says_after(&before, "refuses wrong credentials");
    assert_ne!(server.ask("FolderSync").body(), b"mail", "now the wipe comes");
    let why = server.administer(&["device", "why", "ann", "A1"]);
    assert!(why.starts_with("ann A1: gets no mail") && !why.contains("observes"), "{why}");
}
