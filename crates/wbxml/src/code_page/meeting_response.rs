//! Code page 8, MeetingResponse: the MeetingResponse command. \[MS-ASWBXML\] 2.1.2.1.9.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    8, "MeetingResponse";
    0x05 CALENDAR_ID         "CalendarId",        "2.5";
    0x06 COLLECTION_ID       "CollectionId",      "2.5";
    0x07 MEETING_RESPONSE    "MeetingResponse",   "2.5";
    0x08 REQUEST_ID          "RequestId",         "2.5";
    0x09 REQUEST             "Request",           "2.5";
    0x0A RESULT              "Result",            "2.5";
    0x0B STATUS              "Status",            "2.5";
    0x0C USER_RESPONSE       "UserResponse",      "2.5";
    0x0E INSTANCE_ID         "InstanceId",        "14.1";
    0x10 PROPOSED_START_TIME "ProposedStartTime", "16.1";
    0x11 PROPOSED_END_TIME   "ProposedEndTime",   "16.1";
    0x12 SEND_RESPONSE       "SendResponse",      "16.0";
}
