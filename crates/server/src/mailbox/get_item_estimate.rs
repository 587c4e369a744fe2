//! GetItemEstimate ([MS-ASCMD] 2.2.1.9): nothing waits in any folder.

use asprov_protocol::http::Reply;
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::Element;
use asprov_wbxml::code_page::{air_sync, get_item_estimate as page};

use super::folders::{FIRST_SYNC_KEY, SYNC_KEY, folder};

/// Status of GetItemEstimate ([MS-ASCMD] 2.2.3.177.7): no such folder.
const NO_SUCH_COLLECTION: u16 = 2;
/// The folder was never synchronized.
const NOT_PRIMED: u16 = 3;
/// The key is none of ours.
const WRONG_KEY: u16 = 4;
/// The request is not the grammar; the nearest there is.
const PROTOCOL_ERROR: u16 = 103;

pub(super) fn answer(request: &Element<'_>, version: ProtocolVersion, most: usize) -> Reply {
    let collections = request.child(page::COLLECTIONS).map(Element::children).unwrap_or_default();
    if request.tag() != page::GET_ITEM_ESTIMATE || collections.is_empty() || collections.len() > most {
        // 103 is a common status, which versions before 14.0 get as HTTP 400 ([MS-ASCMD] 2.2.2).
        return if version.has_common_status() {
            let status = Element::with_text(page::STATUS, PROTOCOL_ERROR.to_string());
            Reply::ok(Element::new(page::GET_ITEM_ESTIMATE).with_child(status))
        } else {
            Reply::http(400)
        };
    }
    Reply::ok(Element::new(page::GET_ITEM_ESTIMATE).with_children(collections.iter().map(response)))
}

fn response(collection: &Element<'_>) -> Element<'static> {
    let id = collection.child(page::COLLECTION_ID).and_then(Element::text).unwrap_or_default();
    let status = match (folder(id), collection.child(air_sync::SYNC_KEY).and_then(Element::text)) {
        (None, _) => NO_SUCH_COLLECTION,
        (_, Some(SYNC_KEY)) => 1,
        (_, Some(FIRST_SYNC_KEY)) => NOT_PRIMED,
        (_, _) => WRONG_KEY,
    };
    let answer = Element::new(page::RESPONSE).with_child(Element::with_text(page::STATUS, status.to_string()));
    if status != 1 {
        return answer;
    }
    answer.with_child(
        Element::new(page::COLLECTION)
            .with_child(Element::with_text(page::COLLECTION_ID, id.to_owned()))
            .with_child(Element::with_text(page::ESTIMATE, "0")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(id: &str, key: &str) -> Element<'static> {
        let collection = Element::new(page::COLLECTION)
            .with_child(Element::with_text(air_sync::SYNC_KEY, key.to_owned()))
            .with_child(Element::with_text(page::COLLECTION_ID, id.to_owned()));
        let request =
            Element::new(page::GET_ITEM_ESTIMATE).with_child(Element::new(page::COLLECTIONS).with_child(collection));
        answer(&request, ProtocolVersion::V14_1, 300).body.unwrap()
    }

    fn status(answer: &Element<'_>) -> String {
        answer.child(page::RESPONSE).unwrap().child(page::STATUS).and_then(Element::text).unwrap().to_owned()
    }

    #[test]
    fn a_known_folder_has_nothing_and_another_is_not_there() {
        assert_eq!(status(&ask("1", "1")), "1");
        assert_eq!(status(&ask("42", "1")), "2");
        assert_eq!(status(&ask("1", "0")), "3");
        assert_eq!(status(&ask("1", "9")), "4");
        let nothing = Element::new(page::GET_ITEM_ESTIMATE);
        assert_eq!(answer(&nothing, ProtocolVersion::V12_1, 300), Reply::http(400));
    }
}
