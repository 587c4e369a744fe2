//! Code page 0, AirSync: Sync and the collections it carries. \[MS-ASWBXML\] 2.1.2.1.1.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    0, "AirSync";
    0x05 SYNC               "Sync",              "2.5";
    0x06 RESPONSES          "Responses",         "2.5";
    0x07 ADD                "Add",               "2.5";
    0x08 CHANGE             "Change",            "2.5";
    0x09 DELETE             "Delete",            "2.5";
    0x0A FETCH              "Fetch",             "2.5";
    0x0B SYNC_KEY           "SyncKey",           "2.5";
    0x0C CLIENT_ID          "ClientId",          "2.5";
    0x0D SERVER_ID          "ServerId",          "2.5";
    0x0E STATUS             "Status",            "2.5";
    0x0F COLLECTION         "Collection",        "2.5";
    0x10 CLASS              "Class",             "2.5";
    0x12 COLLECTION_ID      "CollectionId",      "2.5";
    0x13 GET_CHANGES        "GetChanges",        "2.5";
    0x14 MORE_AVAILABLE     "MoreAvailable",     "2.5";
    0x15 WINDOW_SIZE        "WindowSize",        "2.5";
    0x16 COMMANDS           "Commands",          "2.5";
    0x17 OPTIONS            "Options",           "2.5";
    0x18 FILTER_TYPE        "FilterType",        "2.5";
    0x1B CONFLICT           "Conflict",          "2.5";
    0x1C COLLECTIONS        "Collections",       "2.5";
    0x1D APPLICATION_DATA   "ApplicationData",   "2.5";
    0x1E DELETES_AS_MOVES   "DeletesAsMoves",    "2.5";
    0x20 SUPPORTED          "Supported",         "2.5";
    0x21 SOFT_DELETE        "SoftDelete",        "2.5";
    0x22 MIME_SUPPORT       "MIMESupport",       "2.5";
    0x23 MIME_TRUNCATION    "MIMETruncation",    "2.5";
    0x24 WAIT               "Wait",              "12.1";
    0x25 LIMIT              "Limit",             "12.1";
    0x26 PARTIAL            "Partial",           "12.1";
    0x27 CONVERSATION_MODE  "ConversationMode",  "14.0";
    0x28 MAX_ITEMS          "MaxItems",          "14.0";
    0x29 HEARTBEAT_INTERVAL "HeartbeatInterval", "14.0";
}
