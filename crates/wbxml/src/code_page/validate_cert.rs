//! Code page 11, ValidateCert: the ValidateCert command. \[MS-ASWBXML\] 2.1.2.1.12.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    11, "ValidateCert";
    0x05 VALIDATE_CERT     "ValidateCert",     "2.5";
    0x06 CERTIFICATES      "Certificates",     "2.5";
    0x07 CERTIFICATE       "Certificate",      "2.5";
    0x08 CERTIFICATE_CHAIN "CertificateChain", "2.5";
    0x09 CHECK_CRL         "CheckCRL",         "2.5";
    0x0A STATUS            "Status",           "2.5";
}
