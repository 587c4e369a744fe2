//! Code page 2, Email: message items. \[MS-ASWBXML\] 2.1.2.1.3.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    2, "Email";
    0x0F DATE_RECEIVED              "DateReceived",            "2.5";
    0x11 DISPLAY_TO                 "DisplayTo",               "2.5";
    0x12 IMPORTANCE                 "Importance",              "2.5";
    0x13 MESSAGE_CLASS              "MessageClass",            "2.5";
    0x14 SUBJECT                    "Subject",                 "2.5";
    0x15 READ                       "Read",                    "2.5";
    0x16 TO                         "To",                      "2.5";
    0x17 CC                         "Cc",                      "2.5";
    0x18 FROM                       "From",                    "2.5";
    0x19 REPLY_TO                   "ReplyTo",                 "2.5";
    0x1A ALL_DAY_EVENT              "AllDayEvent",             "2.5";
    0x1B CATEGORIES                 "Categories",              "14.0";
    0x1C CATEGORY                   "Category",                "14.0";
    0x1D DT_STAMP                   "DtStamp",                 "2.5";
    0x1E END_TIME                   "EndTime",                 "2.5";
    0x1F INSTANCE_TYPE              "InstanceType",            "2.5";
    0x20 BUSY_STATUS                "BusyStatus",              "2.5";
    0x21 LOCATION                   "Location",                "2.5";
    0x22 MEETING_REQUEST            "MeetingRequest",          "2.5";
    0x23 ORGANIZER                  "Organizer",               "2.5";
    0x24 RECURRENCE_ID              "RecurrenceId",            "2.5";
    0x25 REMINDER                   "Reminder",                "2.5";
    0x26 RESPONSE_REQUESTED         "ResponseRequested",       "2.5";
    0x27 RECURRENCES                "Recurrences",             "2.5";
    0x28 RECURRENCE                 "Recurrence",              "2.5";
    0x29 TYPE                       "Type",                    "2.5";
    0x2A UNTIL                      "Until",                   "2.5";
    0x2B OCCURRENCES                "Occurrences",             "2.5";
    0x2C INTERVAL                   "Interval",                "2.5";
    0x2D DAY_OF_WEEK                "DayOfWeek",               "2.5";
    0x2E DAY_OF_MONTH               "DayOfMonth",              "2.5";
    0x2F WEEK_OF_MONTH              "WeekOfMonth",             "2.5";
    0x30 MONTH_OF_YEAR              "MonthOfYear",             "2.5";
    0x31 START_TIME                 "StartTime",               "2.5";
    0x32 SENSITIVITY                "Sensitivity",             "2.5";
    0x33 TIME_ZONE                  "TimeZone",                "2.5";
    0x34 GLOBAL_OBJ_ID              "GlobalObjId",             "2.5";
    0x35 THREAD_TOPIC               "ThreadTopic",             "2.5";
    0x39 INTERNET_CPID              "InternetCPID",            "2.5";
    0x3A FLAG                       "Flag",                    "12.0";
    0x3B STATUS                     "Status",                  "12.0";
    0x3C CONTENT_CLASS              "ContentClass",            "12.0";
    0x3D FLAG_TYPE                  "FlagType",                "12.0";
    0x3E COMPLETE_TIME              "CompleteTime",            "12.0";
    0x3F DISALLOW_NEW_TIME_PROPOSAL "DisallowNewTimeProposal", "14.0";
}
