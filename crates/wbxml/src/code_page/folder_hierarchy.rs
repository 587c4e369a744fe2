//! Code page 7, FolderHierarchy: the folder commands. \[MS-ASWBXML\] 2.1.2.1.8.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    7, "FolderHierarchy";
    0x05 FOLDERS       "Folders",      "2.5";
    0x06 FOLDER        "Folder",       "2.5";
    0x07 DISPLAY_NAME  "DisplayName",  "2.5";
    0x08 SERVER_ID     "ServerId",     "2.5";
    0x09 PARENT_ID     "ParentId",     "2.5";
    0x0A TYPE          "Type",         "2.5";
    0x0C STATUS        "Status",       "2.5";
    0x0E CHANGES       "Changes",      "2.5";
    0x0F ADD           "Add",          "2.5";
    0x10 DELETE        "Delete",       "2.5";
    0x11 UPDATE        "Update",       "2.5";
    0x12 SYNC_KEY      "SyncKey",      "2.5";
    0x13 FOLDER_CREATE "FolderCreate", "2.5";
    0x14 FOLDER_DELETE "FolderDelete", "2.5";
    0x15 FOLDER_UPDATE "FolderUpdate", "2.5";
    0x16 FOLDER_SYNC   "FolderSync",   "2.5";
    0x17 COUNT         "Count",        "2.5";
}
