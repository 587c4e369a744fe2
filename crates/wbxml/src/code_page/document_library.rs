//! Code page 19, DocumentLibrary: items of document libraries. \[MS-ASWBXML\] 2.1.2.1.20.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    19, "DocumentLibrary";
    0x05 LINK_ID            "LinkId",           "12.0";
    0x06 DISPLAY_NAME       "DisplayName",      "12.0";
    0x07 IS_FOLDER          "IsFolder",         "12.0";
    0x08 CREATION_DATE      "CreationDate",     "12.0";
    0x09 LAST_MODIFIED_DATE "LastModifiedDate", "12.0";
    0x0A IS_HIDDEN          "IsHidden",         "12.0";
    0x0B CONTENT_LENGTH     "ContentLength",    "12.0";
    0x0C CONTENT_TYPE       "ContentType",      "12.0";
}
