//! Code page 22, Email2: more of message items. \[MS-ASWBXML\] 2.1.2.1.23.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    22, "Email2";
    0x05 UM_CALLER_ID             "UmCallerID",            "14.0";
    0x06 UM_USER_NOTES            "UmUserNotes",           "14.0";
    0x07 UM_ATT_DURATION          "UmAttDuration",         "14.0";
    0x08 UM_ATT_ORDER             "UmAttOrder",            "14.0";
    0x09 CONVERSATION_ID          "ConversationId",        "14.0";
    0x0A CONVERSATION_INDEX       "ConversationIndex",     "14.0";
    0x0B LAST_VERB_EXECUTED       "LastVerbExecuted",      "14.0";
    0x0C LAST_VERB_EXECUTION_TIME "LastVerbExecutionTime", "14.0";
    0x0D RECEIVED_AS_BCC          "ReceivedAsBcc",         "14.0";
    0x0E SENDER                   "Sender",                "14.0";
    0x0F CALENDAR_TYPE            "CalendarType",          "14.0";
    0x10 IS_LEAP_MONTH            "IsLeapMonth",           "14.0";
    0x11 ACCOUNT_ID               "AccountId",             "14.1";
    0x12 FIRST_DAY_OF_WEEK        "FirstDayOfWeek",        "14.1";
    0x13 MEETING_MESSAGE_TYPE     "MeetingMessageType",    "14.1";
    0x15 IS_DRAFT                 "IsDraft",               "16.0";
    0x16 BCC                      "Bcc",                   "16.0";
    0x17 SEND                     "Send",                  "16.0";
}
