//! Code page 6, GetItemEstimate: the GetItemEstimate command. \[MS-ASWBXML\] 2.1.2.1.7.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    6, "GetItemEstimate";
    0x05 GET_ITEM_ESTIMATE "GetItemEstimate", "2.5";
    0x07 COLLECTIONS       "Collections",     "2.5";
    0x08 COLLECTION        "Collection",      "2.5";
    0x09 CLASS             "Class",           "2.5";
    0x0A COLLECTION_ID     "CollectionId",    "2.5";
    0x0C ESTIMATE          "Estimate",        "2.5";
    0x0D RESPONSE          "Response",        "2.5";
    0x0E STATUS            "Status",          "2.5";
}
