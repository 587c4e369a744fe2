//! Code page 13, Ping: the Ping command. \[MS-ASWBXML\] 2.1.2.1.14.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    13, "Ping";
    0x05 PING               "Ping",              "2.5";
    0x07 STATUS             "Status",            "2.5";
    0x08 HEARTBEAT_INTERVAL "HeartbeatInterval", "2.5";
    0x09 FOLDERS            "Folders",           "2.5";
    0x0A FOLDER             "Folder",            "2.5";
    0x0B ID                 "Id",                "2.5";
    0x0C CLASS              "Class",             "2.5";
    0x0D MAX_FOLDERS        "MaxFolders",        "2.5";
}
