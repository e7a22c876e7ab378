//! E-mail addresses as accounts and look-ups see them.

/// The longest address that is accepted, in bytes (RFC 5321 allows 64 + 1 + 255).
pub const MAX_LENGTH: usize = 320;

/// The form that is stored and compared: trimmed and in lower case.
pub fn normalize(address: &str) -> String {
    address.trim().to_lowercase()
}

/// The part before the `@`, or all of it without one.
pub fn local_part(address: &str) -> &str {
    address.split_once('@').map_or(address, |(local, _)| local)
}

/// Whether the address belongs to `domain` or to a domain below it, letter case aside.
pub fn is_in_domain(address: &str, domain: &str) -> bool {
    let Some((_, host)) = address.rsplit_once('@') else {
        return false;
    };
    let (host, domain) = (host.to_lowercase(), domain.trim().to_lowercase());
    !domain.is_empty() && (host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_admit_themselves_and_what_is_below() {
        assert!(is_in_domain("a@Example.com", "example.COM"));
        assert!(is_in_domain("a@mail.example.com", "example.com"));
        assert!(!is_in_domain("a@evilexample.com", "example.com"));
        assert!(!is_in_domain("a@example.com", ""));
        assert!(!is_in_domain("example.com", "example.com"));
    }
}
