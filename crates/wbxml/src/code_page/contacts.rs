//! Code page 1, Contacts: contact items. \[MS-ASWBXML\] 2.1.2.1.2.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    1, "Contacts";
    0x05 ANNIVERSARY                  "Anniversary",               "2.5";
    0x06 ASSISTANT_NAME               "AssistantName",             "2.5";
    0x07 ASSISTANT_PHONE_NUMBER       "AssistantPhoneNumber",      "2.5";
    0x08 BIRTHDAY                     "Birthday",                  "2.5";
    0x0C BUSINESS2_PHONE_NUMBER       "Business2PhoneNumber",      "2.5";
    0x0D BUSINESS_ADDRESS_CITY        "BusinessAddressCity",       "2.5";
    0x0E BUSINESS_ADDRESS_COUNTRY     "BusinessAddressCountry",    "2.5";
    0x0F BUSINESS_ADDRESS_POSTAL_CODE "BusinessAddressPostalCode", "2.5";
    0x10 BUSINESS_ADDRESS_STATE       "BusinessAddressState",      "2.5";
    0x11 BUSINESS_ADDRESS_STREET      "BusinessAddressStreet",     "2.5";
    0x12 BUSINESS_FAX_NUMBER          "BusinessFaxNumber",         "2.5";
    0x13 BUSINESS_PHONE_NUMBER        "BusinessPhoneNumber",       "2.5";
    0x14 CAR_PHONE_NUMBER             "CarPhoneNumber",            "2.5";
    0x15 CATEGORIES                   "Categories",                "2.5";
    0x16 CATEGORY                     "Category",                  "2.5";
    0x17 CHILDREN                     "Children",                  "2.5";
    0x18 CHILD                        "Child",                     "2.5";
    0x19 COMPANY_NAME                 "CompanyName",               "2.5";
    0x1A DEPARTMENT                   "Department",                "2.5";
    0x1B EMAIL1_ADDRESS               "Email1Address",             "2.5";
    0x1C EMAIL2_ADDRESS               "Email2Address",             "2.5";
    0x1D EMAIL3_ADDRESS               "Email3Address",             "2.5";
    0x1E FILE_AS                      "FileAs",                    "2.5";
    0x1F FIRST_NAME                   "FirstName",                 "2.5";
    0x20 HOME2_PHONE_NUMBER           "Home2PhoneNumber",          "2.5";
    0x21 HOME_ADDRESS_CITY            "HomeAddressCity",           "2.5";
    0x22 HOME_ADDRESS_COUNTRY         "HomeAddressCountry",        "2.5";
    0x23 HOME_ADDRESS_POSTAL_CODE     "HomeAddressPostalCode",     "2.5";
    0x24 HOME_ADDRESS_STATE           "HomeAddressState",          "2.5";
    0x25 HOME_ADDRESS_STREET          "HomeAddressStreet",         "2.5";
    0x26 HOME_FAX_NUMBER              "HomeFaxNumber",             "2.5";
    0x27 HOME_PHONE_NUMBER            "HomePhoneNumber",           "2.5";
    0x28 JOB_TITLE                    "JobTitle",                  "2.5";
    0x29 LAST_NAME                    "LastName",                  "2.5";
    0x2A MIDDLE_NAME                  "MiddleName",                "2.5";
    0x2B MOBILE_PHONE_NUMBER          "MobilePhoneNumber",         "2.5";
    0x2C OFFICE_LOCATION              "OfficeLocation",            "2.5";
    0x2D OTHER_ADDRESS_CITY           "OtherAddressCity",          "2.5";
    0x2E OTHER_ADDRESS_COUNTRY        "OtherAddressCountry",       "2.5";
    0x2F OTHER_ADDRESS_POSTAL_CODE    "OtherAddressPostalCode",    "2.5";
    0x30 OTHER_ADDRESS_STATE          "OtherAddressState",         "2.5";
    0x31 OTHER_ADDRESS_STREET         "OtherAddressStreet",        "2.5";
    0x32 PAGER_NUMBER                 "PagerNumber",               "2.5";
    0x33 RADIO_PHONE_NUMBER           "RadioPhoneNumber",          "2.5";
    0x34 SPOUSE                       "Spouse",                    "2.5";
    0x35 SUFFIX                       "Suffix",                    "2.5";
    0x36 TITLE                        "Title",                     "2.5";
    0x37 WEB_PAGE                     "WebPage",                   "2.5";
    0x38 YOMI_COMPANY_NAME            "YomiCompanyName",           "2.5";
    0x39 YOMI_FIRST_NAME              "YomiFirstName",             "2.5";
    0x3A YOMI_LAST_NAME               "YomiLastName",              "2.5";
    0x3C PICTURE                      "Picture",                   "2.5";
    0x3D ALIAS                        "Alias",                     "14.0";
    0x3E WEIGHTED_RANK                "WeightedRank",              "14.0";
}
