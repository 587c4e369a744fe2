//! Code page 4, Calendar: calendar items. \[MS-ASWBXML\] 2.1.2.1.5.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    4, "Calendar";
    0x05 TIMEZONE                     "Timezone",                  "2.5";
    0x06 ALL_DAY_EVENT                "AllDayEvent",               "2.5";
    0x07 ATTENDEES                    "Attendees",                 "2.5";
    0x08 ATTENDEE                     "Attendee",                  "2.5";
    0x09 EMAIL                        "Email",                     "2.5";
    0x0A NAME                         "Name",                      "2.5";
    0x0D BUSY_STATUS                  "BusyStatus",                "2.5";
    0x0E CATEGORIES                   "Categories",                "2.5";
    0x0F CATEGORY                     "Category",                  "2.5";
    0x11 DT_STAMP                     "DtStamp",                   "2.5";
    0x12 END_TIME                     "EndTime",                   "2.5";
    0x13 EXCEPTION                    "Exception",                 "2.5";
    0x14 EXCEPTIONS                   "Exceptions",                "2.5";
    0x15 DELETED                      "Deleted",                   "2.5";
    0x16 EXCEPTION_START_TIME         "ExceptionStartTime",        "2.5";
    0x17 LOCATION                     "Location",                  "2.5";
    0x18 MEETING_STATUS               "MeetingStatus",             "2.5";
    0x19 ORGANIZER_EMAIL              "OrganizerEmail",            "2.5";
    0x1A ORGANIZER_NAME               "OrganizerName",             "2.5";
    0x1B RECURRENCE                   "Recurrence",                "2.5";
    0x1C TYPE                         "Type",                      "2.5";
    0x1D UNTIL                        "Until",                     "2.5";
    0x1E OCCURRENCES                  "Occurrences",               "2.5";
    0x1F INTERVAL                     "Interval",                  "2.5";
    0x20 DAY_OF_WEEK                  "DayOfWeek",                 "2.5";
    0x21 DAY_OF_MONTH                 "DayOfMonth",                "2.5";
    0x22 WEEK_OF_MONTH                "WeekOfMonth",               "2.5";
    0x23 MONTH_OF_YEAR                "MonthOfYear",               "2.5";
    0x24 REMINDER                     "Reminder",                  "2.5";
    0x25 SENSITIVITY                  "Sensitivity",               "2.5";
    0x26 SUBJECT                      "Subject",                   "2.5";
    0x27 START_TIME                   "StartTime",                 "2.5";
    0x28 UID                          "UID",                       "2.5";
    0x29 ATTENDEE_STATUS              "AttendeeStatus",            "12.0";
    0x2A ATTENDEE_TYPE                "AttendeeType",              "12.0";
    0x33 DISALLOW_NEW_TIME_PROPOSAL   "DisallowNewTimeProposal",   "14.0";
    0x34 RESPONSE_REQUESTED           "ResponseRequested",         "14.0";
    0x35 APPOINTMENT_REPLY_TIME       "AppointmentReplyTime",      "14.0";
    0x36 RESPONSE_TYPE                "ResponseType",              "14.0";
    0x37 CALENDAR_TYPE                "CalendarType",              "14.0";
    0x38 IS_LEAP_MONTH                "IsLeapMonth",               "14.0";
    0x39 FIRST_DAY_OF_WEEK            "FirstDayOfWeek",            "14.1";
    0x3A ONLINE_MEETING_CONF_LINK     "OnlineMeetingConfLink",     "14.1";
    0x3B ONLINE_MEETING_EXTERNAL_LINK "OnlineMeetingExternalLink", "14.1";
    0x3C CLIENT_UID                   "ClientUid",                 "16.0";
}
