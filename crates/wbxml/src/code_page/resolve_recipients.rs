//! Code page 10, ResolveRecipients: the ResolveRecipients command. \[MS-ASWBXML\] 2.1.2.1.11.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    10, "ResolveRecipients";
    0x05 RESOLVE_RECIPIENTS       "ResolveRecipients",      "2.5";
    0x06 RESPONSE                 "Response",               "2.5";
    0x07 STATUS                   "Status",                 "2.5";
    0x08 TYPE                     "Type",                   "2.5";
    0x09 RECIPIENT                "Recipient",              "2.5";
    0x0A DISPLAY_NAME             "DisplayName",            "2.5";
    0x0B EMAIL_ADDRESS            "EmailAddress",           "2.5";
    0x0C CERTIFICATES             "Certificates",           "2.5";
    0x0D CERTIFICATE              "Certificate",            "2.5";
    0x0E MINI_CERTIFICATE         "MiniCertificate",        "2.5";
    0x0F OPTIONS                  "Options",                "2.5";
    0x10 TO                       "To",                     "2.5";
    0x11 CERTIFICATE_RETRIEVAL    "CertificateRetrieval",   "2.5";
    0x12 RECIPIENT_COUNT          "RecipientCount",         "2.5";
    0x13 MAX_CERTIFICATES         "MaxCertificates",        "2.5";
    0x14 MAX_AMBIGUOUS_RECIPIENTS "MaxAmbiguousRecipients", "2.5";
    0x15 CERTIFICATE_COUNT        "CertificateCount",       "2.5";
    0x16 AVAILABILITY             "Availability",           "14.0";
    0x17 START_TIME               "StartTime",              "14.0";
    0x18 END_TIME                 "EndTime",                "14.0";
    0x19 MERGED_FREE_BUSY         "MergedFreeBusy",         "14.0";
    0x1A PICTURE                  "Picture",                "14.1";
    0x1B MAX_SIZE                 "MaxSize",                "14.1";
    0x1C DATA                     "Data",                   "14.1";
    0x1D MAX_PICTURES             "MaxPictures",            "14.1";
}
