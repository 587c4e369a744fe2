//! Code page 5, Move: the MoveItems command. \[MS-ASWBXML\] 2.1.2.1.6.
//!
//! A row is the token on the wire, the constant, the name in the documents and the first version that has it.

use super::{CodePage, TagRow};
use crate::tag::Tag;

code_page! {
    5, "Move";
    0x05 MOVE_ITEMS "MoveItems", "2.5";
    0x06 MOVE       "Move",      "2.5";
    0x07 SRC_MSG_ID "SrcMsgId",  "2.5";
    0x08 SRC_FLD_ID "SrcFldId",  "2.5";
    0x09 DST_FLD_ID "DstFldId",  "2.5";
    0x0A RESPONSE   "Response",  "2.5";
    0x0B STATUS     "Status",    "2.5";
    0x0C DST_MSG_ID "DstMsgId",  "2.5";
}
