//! Code page 17, AirSyncBase: bodies and attachments of items. \[MS-ASWBXML\] 2.1.2.1.18.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    17, "AirSyncBase";
    0x05 BODY_PREFERENCE      "BodyPreference",     "12.0";
    0x06 TYPE                 "Type",               "12.0";
    0x07 TRUNCATION_SIZE      "TruncationSize",     "12.0";
    0x08 ALL_OR_NONE          "AllOrNone",          "12.0";
    0x0A BODY                 "Body",               "12.0";
    0x0B DATA                 "Data",               "12.0";
    0x0C ESTIMATED_DATA_SIZE  "EstimatedDataSize",  "12.0";
    0x0D TRUNCATED            "Truncated",          "12.0";
    0x0E ATTACHMENTS          "Attachments",        "12.0";
    0x0F ATTACHMENT           "Attachment",         "12.0";
    0x10 DISPLAY_NAME         "DisplayName",        "12.0";
    0x11 FILE_REFERENCE       "FileReference",      "12.0";
    0x12 METHOD               "Method",             "12.0";
    0x13 CONTENT_ID           "ContentId",          "12.0";
    0x14 CONTENT_LOCATION     "ContentLocation",    "12.0";
    0x15 IS_INLINE            "IsInline",           "12.0";
    0x16 NATIVE_BODY_TYPE     "NativeBodyType",     "12.0";
    0x17 CONTENT_TYPE         "ContentType",        "12.0";
    0x18 PREVIEW              "Preview",            "14.0";
    0x19 BODY_PART_PREFERENCE "BodyPartPreference", "14.1";
    0x1A BODY_PART            "BodyPart",           "14.1";
    0x1B STATUS               "Status",             "14.1";
    0x1C ADD                  "Add",                "16.0";
    0x1D DELETE               "Delete",             "16.0";
    0x1E CLIENT_ID            "ClientId",           "16.0";
    0x1F CONTENT              "Content",            "16.0";
    0x20 LOCATION             "Location",           "16.0";
    0x21 ANNOTATION           "Annotation",         "16.0";
    0x22 STREET               "Street",             "16.0";
    0x23 CITY                 "City",               "16.0";
    0x24 STATE                "State",              "16.0";
    0x25 COUNTRY              "Country",            "16.0";
    0x26 POSTAL_CODE          "PostalCode",         "16.0";
    0x27 LATITUDE             "Latitude",           "16.0";
    0x28 LONGITUDE            "Longitude",          "16.0";
    0x29 ACCURACY             "Accuracy",           "16.0";
    0x2A ALTITUDE             "Altitude",           "16.0";
    0x2B ALTITUDE_ACCURACY    "AltitudeAccuracy",   "16.0";
    0x2C LOCATION_URI         "LocationUri",        "16.0";
    0x2D INSTANCE_ID          "InstanceId",         "16.0";
}
