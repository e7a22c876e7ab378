//! A workspace's list of allowed origins, and which origins an entry admits.

use url::{Origin, Url};

/// The answer to "may a page of this origin use the workspace?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The list is empty: everyone may.
    Unrestricted,
    /// An entry admits the origin.
    Allowed,
    /// The list has entries, and no origin was given.
    Missing,
    /// Not an http or https origin, or one with credentials.
    Malformed,
    /// No entry admits it.
    NotListed,
}

/// An absolute http or https URL without credentials.
fn web_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    (matches!(url.scheme(), "http" | "https") && plain).then_some(url)
}

/// Whether one entry admits an origin: `*.domain` any scheme, port and depth, everything else the same WHATWG origin.
fn admits(entry: &str, origin: &Url) -> bool {
    let entry = entry.trim();
    if let Some(rest) = entry.strip_prefix("*.") {
        let domain = rest.trim().to_lowercase();
        let Some(host) = origin.host_str() else { return false };
        return !domain.is_empty()
            && !domain.contains(['/', ':'])
            && (host == domain || host.strip_suffix(&domain).is_some_and(|sub| sub.ends_with('.')));
    }
    web_url(entry).is_some_and(|url| same_origin(&url.origin(), &origin.origin()))
}

fn same_origin(a: &Origin, b: &Origin) -> bool {
    a.is_tuple() && a == b
}

/// Judges an origin by a workspace's list. An empty text counts as no origin.
pub fn judge(allowed: &[String], origin: Option<&str>) -> Verdict {
    if allowed.is_empty() {
        return Verdict::Unrestricted;
    }
    let Some(origin) = origin.filter(|text| !text.is_empty()) else {
        return Verdict::Missing;
    };
    match web_url(origin) {
        None => Verdict::Malformed,
        Some(url) if allowed.iter().any(|entry| admits(entry, &url)) => Verdict::Allowed,
        Some(_) => Verdict::NotListed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_admit_what_the_contract_says() {
        let cases = [
            ("https://a.com", "https://A.com", true),
            ("https://a.com:443/path", "https://a.com", true),
            ("http://a.com:8080", "http://a.com:3000", false),
            ("https://a.com", "http://a.com", false),
            ("https://app.x", "https://other.x", false),
            ("*.x.com", "https://x.com", true),
            ("*.x.com", "http://a.b.x.com:9", true),
            ("*.x.com", "https://evilx.com", false),
            (" *.X.com ", "https://a.x.com", true),
            ("*.x.com:80", "http://a.x.com", false),
            ("*.", "https://x.com", false),
            ("localhost", "http://localhost", false),
            ("http://localhost:3000", "http://localhost:3000", true),
            ("", "https://x.com", false),
        ];
        for (entry, origin, admitted) in cases {
            let verdict = judge(&[entry.to_owned()], Some(origin));
            let expected = if admitted { Verdict::Allowed } else { Verdict::NotListed };
            assert_eq!(verdict, expected, "{entry} {origin}");
        }
    }

    #[test]
    fn an_origin_must_be_one() {
        let allowed = ["https://a.com".to_owned()];
        assert_eq!(judge(&allowed, None), Verdict::Missing);
        assert_eq!(judge(&allowed, Some("")), Verdict::Missing);
        for bad in [
            "null",
            "a.com",
            "ftp://a.com",
            "https://user@a.com",
            "https://u:p@a.com",
        ] {
            assert_eq!(judge(&allowed, Some(bad)), Verdict::Malformed, "{bad}");
        }
        assert_eq!(judge(&[], Some("null")), Verdict::Unrestricted);
    }
}
