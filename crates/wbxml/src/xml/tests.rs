//! To be filled in next.
