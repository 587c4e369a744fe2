//! The meaning of each Status in a message, beside it as a comment.
//!
//! Which table a number belongs to follows from where it stands; in a Policy it also follows from whether the message
//! is a request or an answer, which the message itself shows.

use asprov_protocol::status::Scope;
use asprov_wbxml::Element;
use asprov_wbxml::code_page::provision;

use crate::meaning::Meaning;

/// A Status of a message.
pub(super) struct Annotation {
    /// What it means; `None` when it holds no number, or the 1 with which most commands say that all is well.
    pub(super) meaning: Option<Meaning>,
    /// Whether a comment may stand behind it: not where text stands beside it, since white space would belong to that.
    may_be_followed: bool,
}

/// Whether a Provision message is an answer: it has a Status of its own, or a Policy with Data.
fn is_answer(root: &Element<'_>) -> bool {
    let policies =
        root.child(provision::POLICIES).into_iter().flat_map(|policies| policies.children_with(provision::POLICY));
    root.child(provision::STATUS).is_some()
        || policies.into_iter().any(|policy| policy.child(provision::DATA).is_some())
}

/// Every element called Status, in the order of the document.
pub(super) fn annotations(root: &Element<'_>) -> Vec<Annotation> {
    fn walk(element: &Element<'_>, parent: Option<&Element<'_>>, answer: bool, found: &mut Vec<Annotation>) {
        if element.tag().name() == Some("Status") {
            let meaning = parent.and_then(|parent| meaning(element, parent, answer));
            let may_be_followed = parent.is_none_or(|parent| !parent.has_text());
            found.push(Annotation { meaning, may_be_followed });
        }
        // As deep as the codec's limit at most.
        for child in element.children() {
            walk(child, Some(element), answer, found);
        }
    }
    let mut found = Vec::new();
    walk(root, None, is_answer(root), &mut found);
    found
}

fn meaning(element: &Element<'_>, parent: &Element<'_>, answer: bool) -> Option<Meaning> {
    let code = element.text()?.trim().parse().ok()?;
    let scope = match parent.tag() {
        tag if tag == provision::PROVISION => Scope::Provision,
        tag if tag == provision::POLICY && answer => Scope::Policy,
        tag if tag == provision::POLICY => Scope::Acknowledgment,
        tag if tag == provision::REMOTE_WIPE || tag == provision::ACCOUNT_ONLY_REMOTE_WIPE => Scope::Wipe,
        _ => Scope::Common,
    };
    Some(Meaning::of(scope, code)).filter(|meaning| meaning.row().is_some() || code != 1)
}

/// The XML of a message with a comment after each Status that says what it means, or what its class says when no table
/// has the number. It reads back as the same message.
pub(crate) fn annotated(root: &Element<'_>, xml: &str) -> String {
    const START: &str = "<Status";
    let mut text = String::with_capacity(xml.len() * 2);
    let mut rest = xml;
    let mut annotations = annotations(root).into_iter();
    // `<` stands nowhere in the XML but where a tag begins, so starts and elements come in the same order.
    while let Some(at) = rest.find(START) {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let after_name = from.get(START.len()..).unwrap_or_default();
        if !after_name.starts_with([' ', '>', '/']) {
            text.push_str(START);
            rest = after_name;
            continue;
        }
        let end = from.find("</Status>").map(|at| at + "</Status>".len());
        let annotation = annotations.next();
        let comment =
            annotation.filter(|annotation| annotation.may_be_followed).and_then(|annotation| annotation.meaning);
        match (end, comment) {
            (Some(end), Some(status)) => {
                let (element, after) = from.split_at(end);
                text.push_str(element);
                // `--` would end the comment.
                let [(_, meaning), ..] = status.words();
                let meaning = meaning.replace("--", "- -");
                text.push_str(&format!(" <!-- {} {}: {meaning} -->", status.place(), status.name()));
                rest = after;
            }
            _ => {
                text.push_str(START);
                rest = after_name;
            }
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use asprov_wbxml::{Limits, xml};

    fn annotate(text: &str) -> String {
        let element = xml::from_xml(text, &Limits::default()).unwrap();
        let annotated = annotated(&element, &xml::to_xml(&element));
        assert_eq!(xml::from_xml(&annotated, &Limits::default()).unwrap(), element, "{annotated}");
        annotated
    }

    #[test]
    fn a_status_of_policy_is_an_answer_or_an_acknowledgment() {
        let answer = annotate(
            r#"<Provision xmlns="Provision"><Status>1</Status><Policies><Policy><Status>5</Status></Policy></Policies></Provision>"#,
        );
        assert!(answer.contains("<!-- provision 1 Success"), "{answer}");
        assert!(answer.contains("<!-- policy 5 PolicyKeyMismatch"), "{answer}");
        let request = annotate(
            r#"<Provision xmlns="Provision"><Policies><Policy><PolicyKey>1</PolicyKey><Status>2</Status></Policy></Policies></Provision>"#,
        );
        assert!(request.contains("<!-- acknowledgment 2 "), "{request}");
    }

    #[test]
    fn a_common_status_is_explained_in_any_command_and_an_unknown_one_by_its_class() {
        let folder_sync =
            |status: &str| annotate(&format!(r#"<FolderSync xmlns="FolderHierarchy">{status}</FolderSync>"#));
        assert!(folder_sync("<Status>142</Status>").contains("<!-- common 142 "));
        assert!(folder_sync("<Status>181</Status>").contains("<!-- common 181 unknown: No table has this number"));
        assert!(folder_sync("<Status>9</Status>").contains("<!-- status 9 unknown: "));
        // In most commands 1 is success, and there is nothing to say about no number.
        for silent in ["<Status>1</Status>", "<Status/>", "<Status>many</Status>"] {
            assert!(!folder_sync(silent).contains("<!--"), "{silent}");
        }
    }

    #[test]
    fn a_comment_changes_no_message_not_even_where_text_stands_beside_a_status() {
        annotate(r#"<Provision xmlns="Provision">text<Status>1</Status></Provision>"#);
        annotate(r#"<Provision xmlns="Provision"><Status><Status>1</Status></Status><Status>2</Status></Provision>"#);
        annotate(r#"<Provision xmlns="Provision"><Status/><Status>&lt;Status</Status><Status>3</Status></Provision>"#);
    }
}
