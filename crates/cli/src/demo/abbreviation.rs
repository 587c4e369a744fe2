//! A message in one line of XML, short enough to be read in passing: a policy and a DeviceInformation are counted, keys
//! are named and not shown.

use asprov_wbxml::Element;
use asprov_wbxml::code_page::{folder_hierarchy, provision, settings};

use crate::terminal::counted;

/// The message in short.
pub(super) fn abbreviated(element: &Element<'_>) -> String {
    let name = element.tag().to_string();
    let name = name.rsplit(':').next().unwrap_or_default();
    let inside = inside(element);
    if inside.is_empty() { format!("<{name}/>") } else { format!("<{name}>{inside}</{name}>") }
}

fn inside(element: &Element<'_>) -> String {
    let count = element.children().len();
    match element.tag() {
        // Keys never appear in the open.
        tag if tag == provision::POLICY_KEY => "…".to_owned(),
        tag if tag == provision::EAS_PROVISION_DOC => format!("… {} …", counted(count, "setting", "settings")),
        tag if tag == settings::DEVICE_INFORMATION && count > 0 => {
            let fields = element.child(settings::SET).map_or(0, |set| set.children().len());
            if fields == 0 { children(element) } else { format!("… {} …", counted(fields, "field", "fields")) }
        }
        tag if tag == folder_hierarchy::CHANGES => {
            format!("… {} …", counted(element.children_with(folder_hierarchy::ADD).count(), "folder", "folders"))
        }
        // The policy of 2.5 is text.
        tag if tag == provision::DATA && element.has_text() => {
            format!("… WAP document of {} characters …", element.text().map_or(0, |text| text.chars().count()))
        }
        _ => children(element),
    }
}

fn children(element: &Element<'_>) -> String {
    let text = element.text().unwrap_or_default();
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    // As deep as the codec's limit at most.
    text + &element.children().iter().map(abbreviated).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_settings_are_not_shown() {
        let policy = Element::new(provision::POLICY)
            .with_child(Element::with_text(provision::POLICY_KEY, "1307199584"))
            .with_child(Element::with_text(provision::STATUS, "1"))
            .with_child(Element::new(provision::DATA).with_child(
                Element::new(provision::EAS_PROVISION_DOC).with_child(Element::with_text(provision::ALLOW_CAMERA, "0")),
            ));
        assert_eq!(
            abbreviated(&policy),
            "<Policy><PolicyKey>…</PolicyKey><Status>1</Status><Data><EASProvisionDoc>… 1 setting …</EASProvisionDoc></Data></Policy>"
        );
        assert_eq!(abbreviated(&Element::new(provision::REMOTE_WIPE)), "<RemoteWipe/>");
    }
}
