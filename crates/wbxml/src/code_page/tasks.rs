//! Code page 9, Tasks: task items. \[MS-ASWBXML\] 2.1.2.1.10.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    9, "Tasks";
    0x08 CATEGORIES        "Categories",     "2.5";
    0x09 CATEGORY          "Category",       "2.5";
    0x0A COMPLETE          "Complete",       "2.5";
    0x0B DATE_COMPLETED    "DateCompleted",  "2.5";
    0x0C DUE_DATE          "DueDate",        "2.5";
    0x0D UTC_DUE_DATE      "UtcDueDate",     "2.5";
    0x0E IMPORTANCE        "Importance",     "2.5";
    0x0F RECURRENCE        "Recurrence",     "2.5";
    0x10 TYPE              "Type",           "2.5";
    0x11 START             "Start",          "2.5";
    0x12 UNTIL             "Until",          "2.5";
    0x13 OCCURRENCES       "Occurrences",    "2.5";
    0x14 INTERVAL          "Interval",       "2.5";
    0x15 DAY_OF_MONTH      "DayOfMonth",     "2.5";
    0x16 DAY_OF_WEEK       "DayOfWeek",      "2.5";
    0x17 WEEK_OF_MONTH     "WeekOfMonth",    "2.5";
    0x18 MONTH_OF_YEAR     "MonthOfYear",    "2.5";
    0x19 REGENERATE        "Regenerate",     "2.5";
    0x1A DEAD_OCCUR        "DeadOccur",      "2.5";
    0x1B REMINDER_SET      "ReminderSet",    "2.5";
    0x1C REMINDER_TIME     "ReminderTime",   "2.5";
    0x1D SENSITIVITY       "Sensitivity",    "2.5";
    0x1E START_DATE        "StartDate",      "2.5";
    0x1F UTC_START_DATE    "UtcStartDate",   "2.5";
    0x20 SUBJECT           "Subject",        "2.5";
    0x22 ORDINAL_DATE      "OrdinalDate",    "12.0";
    0x23 SUB_ORDINAL_DATE  "SubOrdinalDate", "12.0";
    0x24 CALENDAR_TYPE     "CalendarType",   "14.0";
    0x25 IS_LEAP_MONTH     "IsLeapMonth",    "14.0";
    0x26 FIRST_DAY_OF_WEEK "FirstDayOfWeek", "14.1";
}
