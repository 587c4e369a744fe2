//! The meaning of each Status in a message, beside it as a comment.
//!
//! Which table a number belongs to follows from where it stands; in a Policy it also follows from whether the message
//! is a request or an answer, which the message itself shows.

use asprov_protocol::status::{self, Scope, StatusRow};
use asprov_wbxml::Element;
use asprov_wbxml::code_page::provision;

/// A Status of a message.
pub(super) struct Annotation {
    /// What it means, where that is known.
    pub(super) row: Option<&'static StatusRow>,
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
            let row = parent.and_then(|parent| meaning(element, parent, answer));
            let may_be_followed = parent.is_none_or(|parent| !parent.has_text());
            found.push(Annotation { row, may_be_followed });
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

fn meaning(element: &Element<'_>, parent: &Element<'_>, answer: bool) -> Option<&'static StatusRow> {
    let code = element.text()?.trim().parse().ok()?;
    let scope = match parent.tag() {
        tag if tag == provision::PROVISION => Scope::Provision,
        tag if tag == provision::POLICY && answer => Scope::Policy,
        tag if tag == provision::POLICY => Scope::Acknowledgment,
        tag if tag == provision::REMOTE_WIPE || tag == provision::ACCOUNT_ONLY_REMOTE_WIPE => Scope::Wipe,
        _ => Scope::Common,
    };
    status::row(scope, code).or_else(|| status::row(Scope::Common, code))
}

/// The XML of a message with a comment after each Status whose meaning is known. It reads back as the same message.
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
        let comment = annotation.filter(|annotation| annotation.may_be_followed).and_then(|annotation| annotation.row);
        match (end, comment) {
            (Some(end), Some(row)) => {
                let (element, after) = from.split_at(end);
                text.push_str(element);
                // `--` would end the comment.
                let meaning = row.meaning.replace("--", "- -");
                text.push_str(&format!(" <!-- {} {} {}: {meaning} -->", row.scope, row.code, row.name));
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
    fn a_common_status_is_explained_in_any_command_and_an_unknown_one_is_left_alone() {
        assert!(
            annotate(r#"<FolderSync xmlns="FolderHierarchy"><Status>142</Status></FolderSync>"#)
                .contains("<!-- common 142 ")
        );
        assert!(!annotate(r#"<FolderSync xmlns="FolderHierarchy"><Status>9</Status></FolderSync>"#).contains("<!--"));
        assert!(!annotate(r#"<FolderSync xmlns="FolderHierarchy"><Status/></FolderSync>"#).contains("<!--"));
    }

    #[test]
    fn a_comment_changes_no_message_not_even_where_text_stands_beside_a_status() {
        annotate(r#"<Provision xmlns="Provision">text<Status>1</Status></Provision>"#);
        annotate(r#"<Provision xmlns="Provision"><Status><Status>1</Status></Status><Status>2</Status></Provision>"#);
        annotate(r#"<Provision xmlns="Provision"><Status/><Status>&lt;Status</Status><Status>3</Status></Provision>"#);
    }
}
