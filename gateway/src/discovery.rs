//! Where apps are told to connect, and whose pages may ask.

use url::Url;

/// The settings of `/.well-known/opencom.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    convex_url: Option<String>,
    origins: Vec<String>,
}

impl Discovery {
    /// `convex_url`: where apps connect; `None`: where they asked. `origins`: whose pages may ask; none: this machine's.
    /// What is empty does not count.
    pub fn new(convex_url: Option<String>, origins: &[String]) -> Self {
        let origins = origins.iter().map(|origin| origin.trim().to_owned());
        Self {
            convex_url: convex_url.filter(|url| !url.is_empty()),
            origins: origins.filter(|origin| !origin.is_empty()).collect(),
        }
    }

    /// Where apps connect, when that is set.
    pub(crate) fn convex_url(&self) -> Option<&str> {
        self.convex_url.as_deref()
    }

    /// Whether pages of an origin may ask.
    pub(crate) fn admits(&self, origin: &str) -> bool {
        if self.origins.is_empty() {
            let url = Url::parse(origin);
            return url.is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https") && matches!(url.host_str(), Some("localhost" | "127.0.0.1"))
            });
        }
        self.origins.iter().any(|listed| listed == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::Discovery;

    #[test]
    fn without_a_list_this_machines_pages_may_ask() {
        let discovery = Discovery::new(Some(String::new()), &[" ".to_owned()]);
        assert_eq!(discovery, Discovery::default());
        for (origin, admitted) in [
            ("http://localhost:3000", true),
            ("https://127.0.0.1", true),
            ("http://[::1]:3000", false),
            ("null", false),
            ("ftp://localhost", false),
            ("https://localhost.evil.com", false),
            ("https://app.example.com", false),
            ("", false),
        ] {
            assert_eq!(discovery.admits(origin), admitted, "{origin:?}");
        }
    }

    #[test]
    fn a_list_is_the_whole_list() {
        let discovery = Discovery::new(None, &[" https://app.example.com ".to_owned(), String::new()]);
        for (origin, admitted) in [
            ("https://app.example.com", true),
            ("https://APP.example.com", false),
            ("https://app.example.com/", false),
            ("http://localhost:3000", false),
        ] {
            assert_eq!(discovery.admits(origin), admitted, "{origin:?}");
        }
    }
}
