//! Cause and resolution of whatever a server answers, or fails to answer, in the words that `asprov probe` and `asprov provision`
//! share. The meaning of a number alone is in `meaning.rs`; here is what the answer around it adds.

mod broken_off;
mod refusal;
mod without_answer;

pub(crate) use broken_off::{SLOWED, broken_off};
pub(crate) use refusal::Refusal;
pub(crate) use without_answer::{WRITE_HTTPS, without_answer};
