//! The readable form.

use super::{XmlErrorKind, from_xml, to_xml};
use crate::code_page::{compose_mail, provision, settings};
use crate::{Element, Limits, Tag};
use alloc::string::{String, ToString as _};

fn read(readable: &str) -> Element<'static> {
    from_xml(readable, &Limits::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(readable: &str) -> String {
    from_xml(readable, &Limits::default()).expect_err(readable).to_string()
}

fn status(text: &'static str) -> Element<'static> {
    Element::with_text(provision::STATUS, text)
}

#[test]
fn the_namespace_is_written_where_the_page_changes() {
    let element = Element::new(provision::PROVISION)
        .with_child(Element::new(settings::DEVICE_INFORMATION).with_child(Element::with_text(settings::STATUS, "1")))
        .with_child(status("1"));
    let readable = "<Provision xmlns=\"Provision\">\n  <DeviceInformation xmlns=\"Settings\">\n    <Status>1</Status>\n  \
                    </DeviceInformation>\n  <Status>1</Status>\n</Provision>\n";
    assert_eq!(to_xml(&element), readable);
    assert_eq!(read(readable), element);
}

#[test]
fn prefixes_colons_declarations_comments_and_cdata_are_read() {
    let readable = "\u{FEFF}<?xml version='1.0' encoding=\"utf-8\"?>\r\n<!-- a request -->\n\
        <p:Provision xmlns:p = 'Provision:' xmlns:settings=\"Settings:\" xmlns:other=\"http://example.org\">\n\
        <settings:DeviceInformation ><!-- here --><Status xmlns='Settings'>1</Status></settings:DeviceInformation>\
        <p:Status>a<!-- no break -->b<![CDATA[<&>]]></p:Status ></p:Provision>\n<!-- end -->\n";
    let expected = Element::new(provision::PROVISION)
        .with_child(Element::new(settings::DEVICE_INFORMATION).with_child(Element::with_text(settings::STATUS, "1")))
        .with_child(status("ab<&>"));
    assert_eq!(read(readable), expected);
}

#[test]
fn a_namespace_ends_with_its_element() {
    let readable = "<Provision xmlns='Provision'><Status xmlns='Settings'/><Status/></Provision>";
    let expected = Element::new(provision::PROVISION)
        .with_child(Element::new(settings::STATUS))
        .with_child(Element::new(provision::STATUS));
    assert_eq!(read(readable), expected);
    assert_eq!(
        refusal("<Provision xmlns='Provision'><s:Status xmlns:s='Settings'/><s:Status/></Provision>"),
        "line 1, column 60: a prefix without a namespace"
    );
}

#[test]
fn text_keeps_every_character() {
    for (text, written) in [
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        (" around ", " around "),
        (" ", "&#32;"),
        ("\n\t", "&#10;&#9;"),
        ("a\r\nb", "a&#13;\nb"),
        ("\u{9B}31m", "&#155;31m"),
        ("Ann’s", "Ann’s"),
        ("]]>", "]]&gt;"),
        ("\"'", "\"'"),
    ] {
        let readable = to_xml(&status(text));
        assert_eq!(readable, std::format!("<Status xmlns=\"Provision\">{written}</Status>\n"));
        assert_eq!(read(&readable), status(text));
    }
}

#[test]
fn white_space_between_tags_is_layout_and_line_ends_are_one_character() {
    assert_eq!(read("<Status xmlns='Provision'> \r\n\t</Status>"), status(""));
    assert_eq!(read("<Status xmlns='Provision'>a\r\nb\rc</Status>"), status("a\nb\nc"));
    assert_eq!(read("<Status xmlns='Provision'><![CDATA[ ]]></Status>"), status(" "));
    assert_eq!(read("<Status xmlns='Provision'>&#x41;&#66;&quot;&apos;</Status>"), status("AB\"'"));
}

#[test]
fn opaque_data_and_text_beyond_xml_are_marked() {
    let mime = Element::with_opaque(compose_mail::MIME, &[0x00, 0xFF, 0x10]);
    assert_eq!(to_xml(&mime), "<Mime xmlns=\"ComposeMail\" opaque=\"base64\">AP8Q</Mime>\n");
    assert_eq!(read(" <Mime opaque='base64' xmlns='ComposeMail'>\n AP\n8Q </Mime>"), mime);
    let empty = Element::with_opaque(compose_mail::MIME, &[]);
    assert_eq!(to_xml(&empty), "<Mime xmlns=\"ComposeMail\" opaque=\"base64\"/>\n");
    assert_eq!(read(&to_xml(&empty)), empty);
    let control = status("\u{1}");
    assert_eq!(to_xml(&control), "<Status xmlns=\"Provision\" text=\"base64\">AQ==</Status>\n");
    assert_eq!(read(&to_xml(&control)), control);
}

#[test]
fn unknown_tags_and_pages_have_names() {
    let element = Element::new(provision::PROVISION)
        .with_child(Element::with_text(Tag::new(14, 0x3C), "x"))
        .with_child(Element::new(Tag::new(26, 0x05)))
        .with_child(Element::new(Tag::new(3, 0x05)));
    let readable = "<Provision xmlns=\"Provision\">\n  <token-3C>x</token-3C>\n  <token-05 xmlns=\"page-26\"/>\n  \
                    <token-05 xmlns=\"AirNotify\"/>\n</Provision>\n";
    assert_eq!(to_xml(&element), readable);
    assert_eq!(read(readable), element);
    for wrong in ["token-04", "token-40", "token-3c", "token-005", "token-", "Token-3C"] {
        let readable = std::format!("<{wrong} xmlns='Provision'/>");
        assert_eq!(refusal(&readable), std::format!("line 1, column 1: the code page has no element {wrong}"));
    }
    for wrong in ["page-25", "page-256", "page-026", "page-+26", "page-", "provision", "Provision::", ""] {
        let readable = std::format!("<token-05 xmlns='{wrong}'/>");
        assert!(refusal(&readable).contains("the namespace is not that of a code page"), "{wrong}");
    }
}

#[test]
fn text_beside_children_stands_without_layout() {
    let element = Element::with_text(provision::POLICY, "a ")
        .with_child(status("1"))
        .with_child(Element::new(provision::DATA).with_child(Element::new(provision::EAS_PROVISION_DOC)));
    let readable = "<Policy xmlns=\"Provision\">a <Status>1</Status><Data><EASProvisionDoc/></Data></Policy>\n";
    assert_eq!(to_xml(&element), readable);
    assert_eq!(read(readable), element);
}

#[test]
fn what_is_not_the_form_is_refused_with_its_line_and_column() {
    let inside = |content: &str| std::format!("<Provision xmlns='Provision'>\n  {content}</Provision>");
    for (readable, message) in [
        (String::new(), "line 1, column 1: the text ends before a root element"),
        ("<!-- only -->".into(), "line 1, column 14: the text ends before a root element"),
        ("x".into(), "line 1, column 1: text outside of the root element"),
        ("<!DOCTYPE x><a/>".into(), "line 1, column 1: a document type declaration, expected none"),
        (inside("<?php ?>"), "line 2, column 3: a processing instruction, expected none"),
        (inside("<Status/>") + "<Status/>", "line 2, column 24: a second root element"),
        (inside("<Status/>") + "x", "line 2, column 24: text outside of the root element"),
        (inside("<Status></Policy>"), "line 2, column 11: wrong end tag, expected </Status>"),
        (inside("<Nonsense/>"), "line 2, column 3: the code page has no element Nonsense"),
        (inside("<Status a='1'/>"), "line 2, column 11: unknown attribute a, expected xmlns, opaque or text"),
        (inside("<Status xmlns='Settings' xmlns='Settings'/>"), "line 2, column 28: the attribute xmlns comes twice"),
        (inside("<Status opaque='hex'/>"), "line 2, column 11: expected opaque=\"base64\" or text=\"base64\""),
        (
            inside("<Status opaque='base64' text='base64'/>"),
            "line 2, column 27: expected opaque=\"base64\" or text=\"base64\"",
        ),
        (inside("<Status opaque='base64'>A</Status>"), "line 2, column 27: content marked as base64 that is not"),
        (inside("<Status text='base64'>/w==</Status>"), "line 2, column 25: content marked as text that is not UTF-8"),
        (inside("<Status xmlns='Settings'opaque='base64'/>"), "line 2, column 27: expected white space, > or />"),
        (inside("<Status opaque/>"), "line 2, column 17: expected ="),
        (inside("<Status opaque=base64/>"), "line 2, column 18: expected a value in quotes"),
        (inside("< Status/>"), "line 2, column 4: expected a name"),
        (
            inside("&nbsp;"),
            "line 2, column 3: unknown entity, expected lt, gt, amp, quot, apos or a character reference",
        ),
        (
            inside("a & b"),
            "line 2, column 5: unknown entity, expected lt, gt, amp, quot, apos or a character reference",
        ),
        (
            inside("&#+65;"),
            "line 2, column 3: unknown entity, expected lt, gt, amp, quot, apos or a character reference",
        ),
        (inside("&#1;"), "line 2, column 3: a character that XML cannot hold"),
        (inside("&#xD800;"), "line 2, column 3: a character that XML cannot hold"),
        (inside("é\u{1}"), "line 2, column 4: a character that XML cannot hold"),
        (inside("<![CDATA[\u{1}]]>"), "line 2, column 12: a character that XML cannot hold"),
        (inside("]]>"), "line 2, column 3: expected ]]&gt;"),
        (inside("<!-- a -- b -->"), "line 2, column 12: expected >"),
        (inside("<!-- a"), "line 2, column 21: the text ends, expected --"),
        (inside("<![CDATA[ a"), "line 2, column 26: the text ends, expected ]]>"),
        ("<Provision xmlns='Provision'>".into(), "line 1, column 30: the text ends, expected </Provision>"),
        ("<Provision xmlns='Provision'".into(), "line 1, column 29: the text ends, expected white space, > or />"),
        ("<Provision xmlns='Prov".into(), "line 1, column 23: the text ends, expected more text"),
        (
            "<Provision/>".into(),
            "line 1, column 1: the namespace is not that of a code page, expected one such as xmlns=\"Provision\"",
        ),
        ("</Provision>".into(), "line 1, column 1: expected a start tag"),
        ("<Provision xmlns='<'/>".into(), "line 1, column 19: expected &lt;"),
    ] {
        assert_eq!(refusal(&readable), message, "{readable}");
    }
}

#[test]
fn too_many_attributes_are_refused() {
    let prefixes = |count: usize| -> String { (0..count).map(|n| std::format!(" xmlns:p{n}='Settings'")).collect() };
    assert!(from_xml(&std::format!("<Status xmlns='Provision'{}/>", prefixes(31)), &Limits::default()).is_ok());
    let error = from_xml(&std::format!("<Status xmlns='Provision'{}/>", prefixes(32)), &Limits::default());
    assert_eq!(error.expect_err("one too many").kind(), &XmlErrorKind::TooManyAttributes);
}

#[test]
fn a_long_name_is_cut_in_the_error() {
    let message = refusal(&std::format!("<{} xmlns='Provision'/>", "x".repeat(1000)));
    assert_eq!(message.len(), "line 1, column 1: the code page has no element ".len() + 64);
}
