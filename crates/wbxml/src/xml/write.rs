//! A tree as XML text.

use super::name::{ElementName, Namespace};
use super::{BASE64, OPAQUE, TEXT, base64, is_white_space, is_xml_character};
use crate::element::Element;
use crate::tag::Tag;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

/// Writes a tree in the readable form, indented by two spaces, with a line break at the end. [`super::from_xml`] gives
/// the same tree again. It works without recursion.
#[must_use]
pub fn to_xml(root: &Element<'_>) -> String {
    let mut out = String::new();
    let mut open: Vec<Open<'_, '_>> = Vec::new();
    if let Some(element) = start(&mut out, root, None, 0, true) {
        open.push(element);
    }
    while let Some(parent) = open.last_mut() {
        let (page, layout) = (parent.tag.page(), parent.layout);
        if let Some(child) = parent.children.next() {
            let depth = open.len();
            if let Some(element) = start(&mut out, child, Some(page), depth, layout) {
                open.push(element);
            }
        } else if let Some(element) = open.pop() {
            if element.layout {
                indent(&mut out, open.len());
            }
            end(&mut out, element.tag, open.last().is_none_or(|parent| parent.layout));
        }
    }
    out
}

/// An element whose end tag is due.
struct Open<'e, 'a> {
    tag: Tag,
    children: core::slice::Iter<'e, Element<'a>>,
    /// Whether its children stand on lines of their own. Not where text stands beside them: there the white space
    /// would belong to the text.
    layout: bool,
}

/// Writes an element up to its first child; `None` when it has none and is written as a whole.
fn start<'e, 'a>(
    out: &mut String,
    element: &'e Element<'a>,
    parent_page: Option<u8>,
    depth: usize,
    layout: bool,
) -> Option<Open<'e, 'a>> {
    let tag = element.tag();
    if layout {
        indent(out, depth);
    }
    // Writing to a String does not fail.
    let _ = write!(out, "<{}", ElementName(tag));
    if parent_page != Some(tag.page()) {
        let _ = write!(out, " xmlns=\"{}\"", Namespace(tag.page()));
    }
    let own = if let Some(bytes) = element.opaque() {
        let _ = write!(out, " {OPAQUE}=\"{BASE64}\"");
        Own::Base64(bytes)
    } else {
        match element.text() {
            Some(text) if !text.chars().all(is_xml_character) => {
                let _ = write!(out, " {TEXT}=\"{BASE64}\"");
                Own::Base64(text.as_bytes())
            }
            Some(text) => Own::Text(text),
            None => Own::Text(""),
        }
    };
    if element.is_empty() {
        out.push_str(if layout { "/>\n" } else { "/>" });
        return None;
    }
    out.push('>');
    match own {
        Own::Base64(bytes) => base64::encode(bytes, out),
        Own::Text(text) => escape(text, out),
    }
    if element.children().is_empty() {
        end(out, tag, layout);
        return None;
    }
    let layout = layout && !element.has_text();
    if layout {
        out.push('\n');
    }
    Some(Open { tag, children: element.children().iter(), layout })
}

/// The own content of an element in the form that XML can hold.
enum Own<'e> {
    Text(&'e str),
    Base64(&'e [u8]),
}

fn end(out: &mut String, tag: Tag, layout: bool) {
    let _ = write!(out, "</{}>", ElementName(tag));
    if layout {
        out.push('\n');
    }
}

fn indent(out: &mut String, depth: usize) {
    out.extend(core::iter::repeat_n("  ", depth));
}

/// Text with the characters replaced that XML would read otherwise, or that a terminal would obey.
fn escape(text: &str, out: &mut String) {
    let blank = text.chars().all(is_white_space);
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\t' | '\n' | ' ' if !blank => out.push(character),
            // A plain carriage return would be read as a line feed (XML 1.0, 2.11).
            ' ' | '\t' | '\n' | '\r' | '\u{7F}'..='\u{9F}' => {
                let _ = write!(out, "&#{};", u32::from(character));
            }
            _ => out.push(character),
        }
    }
}
