//! Code page 16, GAL: entries of the global address list. \[MS-ASWBXML\] 2.1.2.1.17.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    16, "GAL";
    0x05 DISPLAY_NAME  "DisplayName",  "2.5";
    0x06 PHONE         "Phone",        "2.5";
    0x07 OFFICE        "Office",       "2.5";
    0x08 TITLE         "Title",        "2.5";
    0x09 COMPANY       "Company",      "2.5";
    0x0A ALIAS         "Alias",        "2.5";
    0x0B FIRST_NAME    "FirstName",    "2.5";
    0x0C LAST_NAME     "LastName",     "2.5";
    0x0D HOME_PHONE    "HomePhone",    "2.5";
    0x0E MOBILE_PHONE  "MobilePhone",  "2.5";
    0x0F EMAIL_ADDRESS "EmailAddress", "2.5";
    0x10 PICTURE       "Picture",      "14.1";
    0x11 STATUS        "Status",       "14.1";
    0x12 DATA          "Data",         "14.1";
}
