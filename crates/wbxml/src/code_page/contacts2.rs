//! Code page 12, Contacts2: more of contact items. \[MS-ASWBXML\] 2.1.2.1.13.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    12, "Contacts2";
    0x05 CUSTOMER_ID        "CustomerId",       "2.5";
    0x06 GOVERNMENT_ID      "GovernmentId",     "2.5";
    0x07 IM_ADDRESS         "IMAddress",        "2.5";
    0x08 IM_ADDRESS2        "IMAddress2",       "2.5";
    0x09 IM_ADDRESS3        "IMAddress3",       "2.5";
    0x0A MANAGER_NAME       "ManagerName",      "2.5";
    0x0B COMPANY_MAIN_PHONE "CompanyMainPhone", "2.5";
    0x0C ACCOUNT_NAME       "AccountName",      "2.5";
    0x0D NICK_NAME          "NickName",         "2.5";
    0x0E MMS                "MMS",              "2.5";
}
