//! Code page 21, ComposeMail: SendMail, SmartForward and SmartReply. \[MS-ASWBXML\] 2.1.2.1.22.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    21, "ComposeMail";
    0x05 SEND_MAIL          "SendMail",        "14.0";
    0x06 SMART_FORWARD      "SmartForward",    "14.0";
    0x07 SMART_REPLY        "SmartReply",      "14.0";
    0x08 SAVE_IN_SENT_ITEMS "SaveInSentItems", "14.0";
    0x09 REPLACE_MIME       "ReplaceMime",     "14.0";
    0x0B SOURCE             "Source",          "14.0";
    0x0C FOLDER_ID          "FolderId",        "14.0";
    0x0D ITEM_ID            "ItemId",          "14.0";
    0x0E LONG_ID            "LongId",          "14.0";
    0x0F INSTANCE_ID        "InstanceId",      "14.0";
    0x10 MIME               "Mime",            "14.0";
    0x11 CLIENT_ID          "ClientId",        "14.0";
    0x12 STATUS             "Status",          "14.0";
    0x13 ACCOUNT_ID         "AccountId",       "14.1";
    0x15 FORWARDEES         "Forwardees",      "16.0";
    0x16 FORWARDEE          "Forwardee",       "16.0";
    0x17 NAME               "Name",            "16.0";
    0x18 EMAIL              "Email",           "16.0";
}
