//! Code page 14, Provision: the Provision command and the settings of a policy. \[MS-ASWBXML\] 2.1.2.1.15.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    14, "Provision";
    0x05 PROVISION                                    "Provision",                                "2.5";
    0x06 POLICIES                                     "Policies",                                 "2.5";
    0x07 POLICY                                       "Policy",                                   "2.5";
    0x08 POLICY_TYPE                                  "PolicyType",                               "2.5";
    0x09 POLICY_KEY                                   "PolicyKey",                                "2.5";
    0x0A DATA                                         "Data",                                     "2.5";
    0x0B STATUS                                       "Status",                                   "2.5";
    0x0C REMOTE_WIPE                                  "RemoteWipe",                               "2.5";
    0x0D EAS_PROVISION_DOC                            "EASProvisionDoc",                          "12.0";
    0x0E DEVICE_PASSWORD_ENABLED                      "DevicePasswordEnabled",                    "12.0";
    0x0F ALPHANUMERIC_DEVICE_PASSWORD_REQUIRED        "AlphanumericDevicePasswordRequired",       "12.0";
    0x10 REQUIRE_STORAGE_CARD_ENCRYPTION              "RequireStorageCardEncryption",             "12.1";
    0x11 PASSWORD_RECOVERY_ENABLED                    "PasswordRecoveryEnabled",                  "12.0";
    0x13 ATTACHMENTS_ENABLED                          "AttachmentsEnabled",                       "12.0";
    0x14 MIN_DEVICE_PASSWORD_LENGTH                   "MinDevicePasswordLength",                  "12.0";
    0x15 MAX_INACTIVITY_TIME_DEVICE_LOCK              "MaxInactivityTimeDeviceLock",              "12.0";
    0x16 MAX_DEVICE_PASSWORD_FAILED_ATTEMPTS          "MaxDevicePasswordFailedAttempts",          "12.0";
    0x17 MAX_ATTACHMENT_SIZE                          "MaxAttachmentSize",                        "12.0";
    0x18 ALLOW_SIMPLE_DEVICE_PASSWORD                 "AllowSimpleDevicePassword",                "12.0";
    0x19 DEVICE_PASSWORD_EXPIRATION                   "DevicePasswordExpiration",                 "12.0";
    0x1A DEVICE_PASSWORD_HISTORY                      "DevicePasswordHistory",                    "12.0";
    0x1B ALLOW_STORAGE_CARD                           "AllowStorageCard",                         "12.1";
    0x1C ALLOW_CAMERA                                 "AllowCamera",                              "12.1";
    0x1D REQUIRE_DEVICE_ENCRYPTION                    "RequireDeviceEncryption",                  "12.1";
    0x1E ALLOW_UNSIGNED_APPLICATIONS                  "AllowUnsignedApplications",                "12.1";
    0x1F ALLOW_UNSIGNED_INSTALLATION_PACKAGES         "AllowUnsignedInstallationPackages",        "12.1";
    0x20 MIN_DEVICE_PASSWORD_COMPLEX_CHARACTERS       "MinDevicePasswordComplexCharacters",       "12.1";
    0x21 ALLOW_WI_FI                                  "AllowWiFi",                                "12.1";
    0x22 ALLOW_TEXT_MESSAGING                         "AllowTextMessaging",                       "12.1";
    0x23 ALLOW_POPIMAP_EMAIL                          "AllowPOPIMAPEmail",                        "12.1";
    0x24 ALLOW_BLUETOOTH                              "AllowBluetooth",                           "12.1";
    0x25 ALLOW_IR_DA                                  "AllowIrDA",                                "12.1";
    0x26 REQUIRE_MANUAL_SYNC_WHEN_ROAMING             "RequireManualSyncWhenRoaming",             "12.1";
    0x27 ALLOW_DESKTOP_SYNC                           "AllowDesktopSync",                         "12.1";
    0x28 MAX_CALENDAR_AGE_FILTER                      "MaxCalendarAgeFilter",                     "12.1";
    0x29 ALLOW_HTML_EMAIL                             "AllowHTMLEmail",                           "12.1";
    0x2A MAX_EMAIL_AGE_FILTER                         "MaxEmailAgeFilter",                        "12.1";
    0x2B MAX_EMAIL_BODY_TRUNCATION_SIZE               "MaxEmailBodyTruncationSize",               "12.1";
    0x2C MAX_EMAIL_HTML_BODY_TRUNCATION_SIZE          "MaxEmailHTMLBodyTruncationSize",           "12.1";
    0x2D REQUIRE_SIGNED_SMIME_MESSAGES                "RequireSignedSMIMEMessages",               "12.1";
    0x2E REQUIRE_ENCRYPTED_SMIME_MESSAGES             "RequireEncryptedSMIMEMessages",            "12.1";
    0x2F REQUIRE_SIGNED_SMIME_ALGORITHM               "RequireSignedSMIMEAlgorithm",              "12.1";
    0x30 REQUIRE_ENCRYPTION_SMIME_ALGORITHM           "RequireEncryptionSMIMEAlgorithm",          "12.1";
    0x31 ALLOW_SMIME_ENCRYPTION_ALGORITHM_NEGOTIATION "AllowSMIMEEncryptionAlgorithmNegotiation", "12.1";
    0x32 ALLOW_SMIME_SOFT_CERTS                       "AllowSMIMESoftCerts",                      "12.1";
    0x33 ALLOW_BROWSER                                "AllowBrowser",                             "12.1";
    0x34 ALLOW_CONSUMER_EMAIL                         "AllowConsumerEmail",                       "12.1";
    0x35 ALLOW_REMOTE_DESKTOP                         "AllowRemoteDesktop",                       "12.1";
    0x36 ALLOW_INTERNET_SHARING                       "AllowInternetSharing",                     "12.1";
    0x37 UNAPPROVED_IN_ROM_APPLICATION_LIST           "UnapprovedInROMApplicationList",           "12.1";
    0x38 APPLICATION_NAME                             "ApplicationName",                          "12.1";
    0x39 APPROVED_APPLICATION_LIST                    "ApprovedApplicationList",                  "12.1";
    0x3A HASH                                         "Hash",                                     "12.1";
    0x3B ACCOUNT_ONLY_REMOTE_WIPE                     "AccountOnlyRemoteWipe",                    "16.1";
}
