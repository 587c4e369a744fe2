//! A message as JSON.

use asprov_wbxml::Element;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::annotation::{Order, annotations};
use crate::explain::Explanation;

/// A message, what its statuses mean and what it orders.
#[derive(Serialize)]
pub(super) struct Message {
    root: Node,
    statuses: Vec<Explanation>,
    /// What is to be wiped, in an answer that orders it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wipe_orders: Vec<Order>,
}

/// An element.
#[derive(Serialize)]
struct Node {
    name: String,
    namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Opaque data in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    opaque: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    children: Vec<Self>,
}

impl Message {
    pub(super) fn of(root: &Element<'_>) -> Self {
        let annotations = annotations(root);
        let statuses = annotations.iter().filter_map(|annotation| annotation.meaning).map(Explanation::of).collect();
        let wipe_orders = annotations.iter().filter_map(|annotation| annotation.order).collect();
        Self { root: Node::of(root), statuses, wipe_orders }
    }
}

impl Node {
    fn of(element: &Element<'_>) -> Self {
        let tag = element.tag();
        let opaque = element.opaque().map(|bytes| STANDARD.encode(bytes));
        let text = if opaque.is_some() { None } else { element.text().map(str::to_owned) };
        Self {
            // As the XML form calls what the code pages do not have.
            name: tag.name().map_or_else(|| format!("token-{:02X}", tag.token()), str::to_owned),
            namespace: tag.namespace().map_or_else(|| format!("page-{}", tag.page()), str::to_owned),
            text,
            opaque,
            children: element.children().iter().map(Self::of).collect(),
        }
    }
}
