//! Code page 24, RightsManagement: rights-managed messages. \[MS-ASWBXML\] 2.1.2.1.25.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    24, "RightsManagement";
    0x05 RIGHTS_MANAGEMENT_SUPPORT           "RightsManagementSupport",          "14.1";
    0x06 RIGHTS_MANAGEMENT_TEMPLATES         "RightsManagementTemplates",        "14.1";
    0x07 RIGHTS_MANAGEMENT_TEMPLATE          "RightsManagementTemplate",         "14.1";
    0x08 RIGHTS_MANAGEMENT_LICENSE           "RightsManagementLicense",          "14.1";
    0x09 EDIT_ALLOWED                        "EditAllowed",                      "14.1";
    0x0A REPLY_ALLOWED                       "ReplyAllowed",                     "14.1";
    0x0B REPLY_ALL_ALLOWED                   "ReplyAllAllowed",                  "14.1";
    0x0C FORWARD_ALLOWED                     "ForwardAllowed",                   "14.1";
    0x0D MODIFY_RECIPIENTS_ALLOWED           "ModifyRecipientsAllowed",          "14.1";
    0x0E EXTRACT_ALLOWED                     "ExtractAllowed",                   "14.1";
    0x0F PRINT_ALLOWED                       "PrintAllowed",                     "14.1";
    0x10 EXPORT_ALLOWED                      "ExportAllowed",                    "14.1";
    0x11 PROGRAMMATIC_ACCESS_ALLOWED         "ProgrammaticAccessAllowed",        "14.1";
    0x12 OWNER                               "Owner",                            "14.1";
    0x13 CONTENT_EXPIRY_DATE                 "ContentExpiryDate",                "14.1";
    0x14 TEMPLATE_ID                         "TemplateID",                       "14.1";
    0x15 TEMPLATE_NAME                       "TemplateName",                     "14.1";
    0x16 TEMPLATE_DESCRIPTION                "TemplateDescription",              "14.1";
    0x17 CONTENT_OWNER                       "ContentOwner",                     "14.1";
    0x18 REMOVE_RIGHTS_MANAGEMENT_PROTECTION "RemoveRightsManagementProtection", "14.1";
}
