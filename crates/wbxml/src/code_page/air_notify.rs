//! Code page 3, AirNotify: retired: the number stays, no token is left. \[MS-ASWBXML\] 2.1.2.1.4.
//!
//! No tag may come from this page, so its table is empty; a switch to it alone is legal.

use super::CodePage;

code_page! { 3, "AirNotify"; }
