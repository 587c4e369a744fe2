//! Code page 18, Settings: the Settings command, with DeviceInformation as Provision carries it. \[MS-ASWBXML\] 2.1.2.1.19.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    18, "Settings";
    0x05 SETTINGS                      "Settings",                    "12.0";
    0x06 STATUS                        "Status",                      "12.0";
    0x07 GET                           "Get",                         "12.0";
    0x08 SET                           "Set",                         "12.0";
    0x09 OOF                           "Oof",                         "12.0";
    0x0A OOF_STATE                     "OofState",                    "12.0";
    0x0B START_TIME                    "StartTime",                   "12.0";
    0x0C END_TIME                      "EndTime",                     "12.0";
    0x0D OOF_MESSAGE                   "OofMessage",                  "12.0";
    0x0E APPLIES_TO_INTERNAL           "AppliesToInternal",           "12.0";
    0x0F APPLIES_TO_EXTERNAL_KNOWN     "AppliesToExternalKnown",      "12.0";
    0x10 APPLIES_TO_EXTERNAL_UNKNOWN   "AppliesToExternalUnknown",    "12.0";
    0x11 ENABLED                       "Enabled",                     "12.0";
    0x12 REPLY_MESSAGE                 "ReplyMessage",                "12.0";
    0x13 BODY_TYPE                     "BodyType",                    "12.0";
    0x14 DEVICE_PASSWORD               "DevicePassword",              "12.0";
    0x15 PASSWORD                      "Password",                    "12.0";
    0x16 DEVICE_INFORMATION            "DeviceInformation",           "12.0";
    0x17 MODEL                         "Model",                       "12.0";
    0x18 IMEI                          "IMEI",                        "12.0";
    0x19 FRIENDLY_NAME                 "FriendlyName",                "12.0";
    0x1A OS                            "OS",                          "12.0";
    0x1B OS_LANGUAGE                   "OSLanguage",                  "12.0";
    0x1C PHONE_NUMBER                  "PhoneNumber",                 "12.0";
    0x1D USER_INFORMATION              "UserInformation",             "12.0";
    0x1E EMAIL_ADDRESSES               "EmailAddresses",              "12.0";
    0x1F SMTP_ADDRESS                  "SMTPAddress",                 "12.0";
    0x20 USER_AGENT                    "UserAgent",                   "12.1";
    0x21 ENABLE_OUTBOUND_SMS           "EnableOutboundSMS",           "14.0";
    0x22 MOBILE_OPERATOR               "MobileOperator",              "14.0";
    0x23 PRIMARY_SMTP_ADDRESS          "PrimarySmtpAddress",          "14.1";
    0x24 ACCOUNTS                      "Accounts",                    "14.1";
    0x25 ACCOUNT                       "Account",                     "14.1";
    0x26 ACCOUNT_ID                    "AccountId",                   "14.1";
    0x27 ACCOUNT_NAME                  "AccountName",                 "14.1";
    0x28 USER_DISPLAY_NAME             "UserDisplayName",             "14.1";
    0x29 SEND_DISABLED                 "SendDisabled",                "14.1";
    0x2B RIGHTS_MANAGEMENT_INFORMATION "RightsManagementInformation", "14.1";
}
