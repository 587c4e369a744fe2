//! Code page 20, ItemOperations: the ItemOperations command. \[MS-ASWBXML\] 2.1.2.1.21.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    20, "ItemOperations";
    0x05 ITEM_OPERATIONS       "ItemOperations",      "12.0";
    0x06 FETCH                 "Fetch",               "12.0";
    0x07 STORE                 "Store",               "12.0";
    0x08 OPTIONS               "Options",             "12.0";
    0x09 RANGE                 "Range",               "12.0";
    0x0A TOTAL                 "Total",               "12.0";
    0x0B PROPERTIES            "Properties",          "12.0";
    0x0C DATA                  "Data",                "12.0";
    0x0D STATUS                "Status",              "12.0";
    0x0E RESPONSE              "Response",            "12.0";
    0x0F VERSION               "Version",             "12.0";
    0x10 SCHEMA                "Schema",              "12.0";
    0x11 PART                  "Part",                "12.0";
    0x12 EMPTY_FOLDER_CONTENTS "EmptyFolderContents", "12.0";
    0x13 DELETE_SUB_FOLDERS    "DeleteSubFolders",    "12.0";
    0x14 USER_NAME             "UserName",            "12.1";
    0x15 PASSWORD              "Password",            "12.1";
    0x16 MOVE                  "Move",                "14.0";
    0x17 DST_FLD_ID            "DstFldId",            "14.0";
    0x18 CONVERSATION_ID       "ConversationId",      "14.0";
    0x19 MOVE_ALWAYS           "MoveAlways",          "14.0";
}
