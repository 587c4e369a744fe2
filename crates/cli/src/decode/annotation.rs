//! The meaning of each Status in a message, beside it as a comment, and of an order to wipe.
//!
//! Which table a number belongs to follows from where it stands; in a Policy it also follows from whether the message
//! is a request or an answer, which the message itself shows.

use asprov_protocol::status::{self, Scope};
use asprov_wbxml::Element;
use asprov_wbxml::code_page::provision;
use serde::Serialize;

use crate::meaning::Meaning;

/// The elements that have something to say.
const NAMES: [&str; 3] = ["Status", "RemoteWipe", "AccountOnlyRemoteWipe"];

/// A Status of a message, or a wipe.
pub(super) struct Annotation {
    /// What a Status means; `None` when it holds no number, or the 1 with which most commands say that all is well.
    pub(super) meaning: Option<Meaning>,
    /// What is to be wiped, if it is a directive.
    pub(super) order: Option<Order>,
    /// Whether a comment may stand behind it: not where text stands beside it, since white space would belong to that.
    may_be_followed: bool,
}

/// A directive to wipe ([MS-ASPROV] 2.2.2.1, 2.2.2.45). It is empty; with a Status in it, it is the device's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// RemoteWipe.
    Device,
    /// AccountOnlyRemoteWipe.
    Account,
}

impl Order {
    fn of(element: &Element<'_>) -> Option<Self> {
        match element.tag() {
            _ if !element.is_empty() => None,
            tag if tag == provision::REMOTE_WIPE => Some(Self::Device),
            tag if tag == provision::ACCOUNT_ONLY_REMOTE_WIPE => Some(Self::Account),
            _ => None,
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Device => "wipe order: The device is to erase everything on it.",
            Self::Account => {
                "wipe order: The device is to erase the data of this account; below 16.1 it does not count."
            }
        }
    }
}

/// Whether a Provision message is an answer: it has a Status of its own, or a Policy with Data.
fn is_answer(root: &Element<'_>) -> bool {
    let policies =
        root.child(provision::POLICIES).into_iter().flat_map(|policies| policies.children_with(provision::POLICY));
    root.child(provision::STATUS).is_some()
        || policies.into_iter().any(|policy| policy.child(provision::DATA).is_some())
}

/// Every element of these names, in the order of the document.
pub(super) fn annotations(root: &Element<'_>) -> Vec<Annotation> {
    fn walk(element: &Element<'_>, parent: Option<&Element<'_>>, answer: bool, found: &mut Vec<Annotation>) {
        if let Some(name) = element.tag().name().filter(|name| NAMES.contains(name)) {
            let meaning = parent.filter(|_| name == "Status").and_then(|parent| meaning(element, parent, answer));
            let may_be_followed = parent.is_some_and(|parent| !parent.has_text());
            found.push(Annotation { meaning, order: Order::of(element), may_be_followed });
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
    // What no table has is said as `asprov explain` says it: above 100 it is common to all commands.
    let is_common = matches!(scope, Scope::Provision | Scope::Policy)
        && (101..200).contains(&code)
        && status::row(scope, code).is_none();
    let scope = if is_common { Scope::Common } else { scope };
    Some(Meaning::of(scope, code)).filter(|meaning| meaning.row().is_some() || code != 1)
}

/// The XML of a message with a comment after each Status that says what it means, or what its class says when no table
/// has the number, and after each order to wipe. It reads back as the same message.
pub(crate) fn annotated(root: &Element<'_>, xml: &str) -> String {
    let mut text = String::with_capacity(xml.len() * 2);
    let mut rest = xml;
    let mut annotations = annotations(root).into_iter();
    // `<` stands nowhere in the XML but where a tag begins, so starts and elements come in the same order.
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let name = from.get(1..).and_then(|from| from.split([' ', '>', '/']).next()).unwrap_or_default();
        let annotation = if NAMES.contains(&name) { annotations.next() } else { None };
        let followed = annotation.filter(|annotation| annotation.may_be_followed);
        let (end, comment) = match followed.map(|annotation| (annotation.meaning, annotation.order)) {
            Some((Some(status), _)) => {
                let [(_, meaning), ..] = status.words();
                ("</Status>", format!("{} {}: {meaning}", status.place(), status.name()))
            }
            Some((None, Some(order))) => ("/>", order.sentence().to_owned()),
            _ => ("<", String::new()),
        };
        let length = from.find(end).map(|at| at + end.len()).unwrap_or(1);
        let (element, after) = from.split_at(length);
        text.push_str(element);
        if !comment.is_empty() {
            // `--` would end the comment.
            text.push_str(&format!(" <!-- {} -->", comment.replace("--", "- -")));
        }
        rest = after;
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
        let provision = annotate(r#"<Provision xmlns="Provision"><Status>181</Status></Provision>"#);
        assert!(provision.contains("<!-- common 181 unknown: "), "{provision}");
        let own = annotate(r#"<Provision xmlns="Provision"><Status>4</Status></Provision>"#);
        assert!(own.contains("<!-- provision 4 unknown: "), "{own}");
        // In most commands 1 is success, and there is nothing to say about no number.
        for silent in ["<Status>1</Status>", "<Status/>", "<Status>many</Status>"] {
            assert!(!folder_sync(silent).contains("<!--"), "{silent}");
        }
    }

    #[test]
    fn an_order_to_wipe_is_pointed_out_and_the_report_about_one_is_none() {
        let answer =
            |what: &str| annotate(&format!(r#"<Provision xmlns="Provision"><Status>1</Status>{what}</Provision>"#));
        let device = answer("<RemoteWipe/>");
        assert!(device.contains("<RemoteWipe/> <!-- wipe order: The device is to erase everything"), "{device}");
        let account = answer("<AccountOnlyRemoteWipe/>");
        assert!(account.contains("<AccountOnlyRemoteWipe/> <!-- wipe order: "), "{account}");
        let both = answer("<RemoteWipe/><AccountOnlyRemoteWipe/>");
        assert_eq!(both.matches("<!-- wipe order: ").count(), 2, "{both}");
        let report =
            annotate(r#"<Provision xmlns="Provision"><RemoteWipe><Status>1</Status></RemoteWipe></Provision>"#);
        assert!(report.contains("<!-- wipe 1 ") && !report.contains("wipe order"), "{report}");
        annotate(r#"<Provision xmlns="Provision">text<RemoteWipe/></Provision>"#);
    }

    #[test]
    fn a_comment_changes_no_message_not_even_where_text_stands_beside_a_status() {
        annotate(r#"<Provision xmlns="Provision">text<Status>1</Status></Provision>"#);
        annotate(r#"<Provision xmlns="Provision"><Status><Status>1</Status></Status><Status>2</Status></Provision>"#);
        annotate(r#"<Provision xmlns="Provision"><Status/><Status>&lt;Status</Status><Status>3</Status></Provision>"#);
    }
}
