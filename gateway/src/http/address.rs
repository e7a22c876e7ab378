//! The address that a call comes from.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use ipnet::IpNet;

use crate::compose::App;

/// The address that a request comes from: the peer's, or what trusted proxies say.
pub(super) fn address(app: &App, request: &HttpRequest) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    Some(behind_proxies(peer, request.headers(), &app.trusted_proxies))
}

fn behind_proxies(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let trusted = |address: &IpAddr| address.is_loopback() || trusted.iter().any(|network| network.contains(address));
    if !trusted(&peer) {
        return peer;
    }
    // Each proxy appends whom it heard. What stands before the first that is not trusted may be made up.
    let forwarded: Vec<&str> = (headers.get_all("X-Forwarded-For"))
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut nearest = peer;
    for address in forwarded.into_iter().rev() {
        let Ok(address) = address.trim().parse::<IpAddr>() else {
            break;
        };
        nearest = address.to_canonical();
        if !trusted(&nearest) {
            break;
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn seen(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            let name = HeaderName::from_static("x-forwarded-for");
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        behind_proxies(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(seen("203.0.113.7", &["198.51.100.1"]), "203.0.113.7");
        assert_eq!(seen("::ffff:203.0.113.7", &[]), "203.0.113.7");
    }

    #[test]
    fn proxies_are_believed_as_far_as_they_are_trusted() {
        assert_eq!(seen("127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("10.1.2.3", &["1.1.1.1, 198.51.100.1 , 10.9.9.9"]), "198.51.100.1");
        assert_eq!(
            seen("10.1.2.3", &["1.1.1.1", "198.51.100.1", "10.9.9.9"]),
            "198.51.100.1"
        );
        assert_eq!(seen("::1", &["2001:db8::1"]), "2001:db8::1");
    }

    #[test]
    fn where_nothing_can_be_believed_the_last_one_known_counts() {
        assert_eq!(seen("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(seen("10.1.2.3", &["10.9.9.9"]), "10.9.9.9");
        assert_eq!(seen("10.1.2.3", &["198.51.100.1, nonsense"]), "10.1.2.3");
    }
}
