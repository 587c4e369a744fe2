//! The address of a mailbox (RFC 5321 section 2.3.11), as far as a search for its server looks at it.

use std::fmt;

/// The address of a mailbox, such as `ann@example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailAddress {
    text: String,
    at: usize,
}

/// A text that is no address of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no mail address, expected something like ann@example.com")]
pub struct NoMailAddress;

impl MailAddress {
    /// Reads an address: something before the last `@`, the name of a host after it.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, NoMailAddress> {
        let text = text.trim();
        let at = text.rfind('@').ok_or(NoMailAddress)?;
        let (name, domain) = text.split_at_checked(at).ok_or(NoMailAddress)?;
        let domain = domain.trim_start_matches('@');
        let is_label = |label: &str| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        let is_domain = domain.len() <= 253 && domain.contains('.') && domain.split('.').all(is_label);
        if name.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace()) || !is_domain {
            return Err(NoMailAddress);
        }
        Ok(Self { text: text.to_owned(), at })
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What follows the `@`.
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_name_and_a_domain() {
        let address = MailAddress::parse(" ann@Mail.Example.com ").unwrap();
        assert_eq!((address.as_str(), address.domain()), ("ann@Mail.Example.com", "Mail.Example.com"));
        assert_eq!(MailAddress::parse("\"a@b\"@example.com").unwrap().domain(), "example.com");
        for text in ["ann", "@example.com", "ann@", "ann@host", "ann@exa mple.com", "ann@a..b", "a\n@b.c", "a@b.c/x"] {
            assert_eq!(MailAddress::parse(text), Err(NoMailAddress), "{text}");
        }
    }
}
