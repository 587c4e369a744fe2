//! Code page 15, Search: the Search command. \[MS-ASWBXML\] 2.1.2.1.16.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    15, "Search";
    0x05 SEARCH          "Search",         "2.5";
    0x07 STORE           "Store",          "2.5";
    0x08 NAME            "Name",           "2.5";
    0x09 QUERY           "Query",          "2.5";
    0x0A OPTIONS         "Options",        "2.5";
    0x0B RANGE           "Range",          "2.5";
    0x0C STATUS          "Status",         "2.5";
    0x0D RESPONSE        "Response",       "2.5";
    0x0E RESULT          "Result",         "2.5";
    0x0F PROPERTIES      "Properties",     "2.5";
    0x10 TOTAL           "Total",          "2.5";
    0x11 EQUAL_TO        "EqualTo",        "12.0";
    0x12 VALUE           "Value",          "12.0";
    0x13 AND             "And",            "12.0";
    0x14 OR              "Or",             "12.0";
    0x15 FREE_TEXT       "FreeText",       "12.0";
    0x17 DEEP_TRAVERSAL  "DeepTraversal",  "12.0";
    0x18 LONG_ID         "LongId",         "12.0";
    0x19 REBUILD_RESULTS "RebuildResults", "12.0";
    0x1A LESS_THAN       "LessThan",       "12.0";
    0x1B GREATER_THAN    "GreaterThan",    "12.0";
    0x1E USER_NAME       "UserName",       "12.1";
    0x1F PASSWORD        "Password",       "12.1";
    0x20 CONVERSATION_ID "ConversationId", "14.0";
    0x21 PICTURE         "Picture",        "14.1";
    0x22 MAX_SIZE        "MaxSize",        "14.1";
    0x23 MAX_PICTURES    "MaxPictures",    "14.1";
}
