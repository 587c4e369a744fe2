//! The finding that a server gives no answer.

use asprov_client::{Address, Answer, TransportError};

use super::finding::{Findings, Verdict};
use crate::remedy::{self, WRITE_HTTPS};
use crate::terminal::harmless;

impl Findings {
    pub(super) fn unreachable(&mut self, address: &Address, error: &TransportError) {
        let text = harmless(&error.to_string());
        let (check, cause, resolution) = remedy::without_answer(address, error);
        if check != "name" {
            self.plain("name", Verdict::Ok, format!("{} is found", address.host()));
        }
        self.explained(check, Verdict::Problem, text, &cause, resolution);
    }

    /// Whether plain HTTP came to a port of TLS, as web servers answer it: HTTP 400, and a page that says so.
    pub(super) fn is_for_tls(&mut self, address: &Address, answer: &Answer) -> bool {
        let says_so = || answer.body.windows(5).any(|word| word == b"HTTPS");
        let is_so = !address.is_tls() && answer.status == 400 && says_so();
        if is_so {
            self.plain("name", Verdict::Ok, format!("{} is found", address.host()));
            self.explained(
                "connection",
                Verdict::Problem,
                "the server answers HTTP 400 and speaks of HTTPS".to_owned(),
                "What listens on this port speaks TLS, and was sent plain HTTP.",
                WRITE_HTTPS,
            );
        }
        is_so
    }
}
