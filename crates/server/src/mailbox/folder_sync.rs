//! FolderSync ([MS-ASCMD] 2.2.1.5): the default folders, and then never a change.

use asprov_protocol::http::Reply;
use asprov_wbxml::Element;
use asprov_wbxml::code_page::folder_hierarchy as page;

use super::folders::{FIRST_SYNC_KEY, FOLDERS, SYNC_KEY};

/// FolderSync Status 9: the key is none of ours, begin again with 0 ([MS-ASCMD] 2.2.3.177.5).
const WRONG_KEY: u16 = 9;
/// FolderSync Status 10: the request is not the grammar.
const INCORRECTLY_FORMATTED: u16 = 10;

/// What a device gets.
pub(super) fn answer(request: &Element<'_>) -> Reply {
    let key = request.child(page::SYNC_KEY).filter(|key| key.children().is_empty()).and_then(Element::text);
    let status =
        |status: u16| Element::new(page::FOLDER_SYNC).with_child(Element::with_text(page::STATUS, status.to_string()));
    let answer = match key {
        _ if request.tag() != page::FOLDER_SYNC => status(INCORRECTLY_FORMATTED),
        None => status(INCORRECTLY_FORMATTED),
        Some(FIRST_SYNC_KEY) => changes(status(1), &all_folders()),
        Some(SYNC_KEY) => changes(status(1), &[]),
        Some(_) => status(WRONG_KEY),
    };
    Reply::ok(answer)
}

/// Whether a device begins with this request: then it is told the server's versions and commands too.
pub(super) fn begins(request: &Element<'_>) -> bool {
    request.child(page::SYNC_KEY).and_then(Element::text) == Some(FIRST_SYNC_KEY) && request.tag() == page::FOLDER_SYNC
}

fn changes(answer: Element<'static>, added: &[Element<'static>]) -> Element<'static> {
    let count = Element::with_text(page::COUNT, added.len().to_string());
    let changes = Element::new(page::CHANGES).with_child(count).with_children(added.iter().cloned());
    answer.with_child(Element::with_text(page::SYNC_KEY, SYNC_KEY)).with_child(changes)
}

fn all_folders() -> Vec<Element<'static>> {
    let add = FOLDERS.iter().map(|folder| {
        Element::new(page::ADD)
            .with_child(Element::with_text(page::SERVER_ID, folder.server_id))
            .with_child(Element::with_text(page::PARENT_ID, "0"))
            .with_child(Element::with_text(page::DISPLAY_NAME, folder.name))
            .with_child(Element::with_text(page::TYPE, folder.folder_type.to_string()))
    });
    add.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(key: Option<&str>) -> Element<'static> {
        let key = key.map(|key| Element::with_text(page::SYNC_KEY, key.to_owned()));
        let reply = answer(&Element::new(page::FOLDER_SYNC).with_children(key));
        assert_eq!(reply.status, 200);
        reply.body.unwrap()
    }

    fn status(answer: &Element<'_>) -> String {
        answer.child(page::STATUS).and_then(Element::text).unwrap().to_owned()
    }

    #[test]
    fn key_0_gives_every_folder_and_the_key_it_gives_changes_nothing() {
        let first = ask(Some("0"));
        assert_eq!(status(&first), "1");
        let changes = first.child(page::CHANGES).unwrap();
        assert_eq!(changes.child(page::COUNT).and_then(Element::text), Some("9"));
        assert_eq!(changes.children_with(page::ADD).count(), 9);
        let key = first.child(page::SYNC_KEY).and_then(Element::text).unwrap().to_owned();
        let second = ask(Some(&key));
        assert_eq!(status(&second), "1");
        assert_eq!(second.child(page::CHANGES).unwrap().children().len(), 1, "Count alone");
    }

    #[test]
    fn a_made_up_key_begins_again_and_no_key_is_no_request() {
        assert_eq!(status(&ask(Some("7"))), "9");
        assert_eq!(status(&ask(None)), "10");
        let reply = answer(&Element::new(asprov_wbxml::code_page::ping::PING));
        assert_eq!(status(&reply.body.unwrap()), "10");
    }
}
