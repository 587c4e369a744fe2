//! Code page 23, Notes: note items. \[MS-ASWBXML\] 2.1.2.1.24.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    23, "Notes";
    0x05 SUBJECT            "Subject",          "14.0";
    0x06 MESSAGE_CLASS      "MessageClass",     "14.0";
    0x07 LAST_MODIFIED_DATE "LastModifiedDate", "14.0";
    0x08 CATEGORIES         "Categories",       "14.0";
    0x09 CATEGORY           "Category",         "14.0";
}
