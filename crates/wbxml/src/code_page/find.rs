//! Code page 25, Find: the Find command. \[MS-ASWBXML\] 2.1.2.1.26.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    25, "Find";
    0x05 FIND                      "Find",                   "16.1";
    0x06 SEARCH_ID                 "SearchId",               "16.1";
    0x07 EXECUTE_SEARCH            "ExecuteSearch",          "16.1";
    0x08 MAIL_BOX_SEARCH_CRITERION "MailBoxSearchCriterion", "16.1";
    0x09 QUERY                     "Query",                  "16.1";
    0x0A STATUS                    "Status",                 "16.1";
    0x0B FREE_TEXT                 "FreeText",               "16.1";
    0x0C OPTIONS                   "Options",                "16.1";
    0x0D RANGE                     "Range",                  "16.1";
    0x0E DEEP_TRAVERSAL            "DeepTraversal",          "16.1";
    0x11 RESPONSE                  "Response",               "16.1";
    0x12 RESULT                    "Result",                 "16.1";
    0x13 PROPERTIES                "Properties",             "16.1";
    0x14 PREVIEW                   "Preview",                "16.1";
    0x15 HAS_ATTACHMENTS           "HasAttachments",         "16.1";
    0x16 TOTAL                     "Total",                  "16.1";
    0x17 DISPLAY_CC                "DisplayCc",              "16.1";
    0x18 DISPLAY_BCC               "DisplayBcc",             "16.1";
    0x19 GAL_SEARCH_CRITERION      "GalSearchCriterion",     "16.1";
    0x20 MAX_PICTURES              "MaxPictures",            "16.1";
    0x21 MAX_SIZE                  "MaxSize",                "16.1";
    0x22 PICTURE                   "Picture",                "16.1";
}
