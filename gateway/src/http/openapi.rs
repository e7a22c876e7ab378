//! The API's description: `/openapi.json` for programs, `/docs` for people. Both are part of the program.

use std::io::Write as _;
use std::sync::LazyLock;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY,
};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::answer::{TransportError, request_id};

/// The page may load what this server serves and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The document, as it travels.
struct Document {
    plain: &'static str,
    compressed: Option<Bytes>,
    etag: String,
}

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
    let plain = opencom_openapi::text();
    let digest = ring::digest::digest(&ring::digest::SHA256, plain.as_bytes());
    Document {
        plain,
        compressed: gzip(plain.as_bytes()),
        // Weak: it stands for the plain and the compressed form alike.
        etag: format!("W/\"{}\"", hex::encode(&digest.as_ref()[..16])),
    }
});

fn gzip(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// `GET /openapi.json`. Any page may read it, as it may call.
pub(super) async fn document(request: HttpRequest) -> HttpResponse {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let known = header(IF_NONE_MATCH).unwrap_or_default();
    let is_known = known
        .split(',')
        .any(|tag| matches!(tag.trim(), tag if tag == "*" || tag == DOCUMENT.etag));
    let mut answer = HttpResponse::build(if is_known {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    });
    answer
        .insert_header((ETAG, DOCUMENT.etag.as_str()))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .insert_header((VARY, "Accept-Encoding"))
        .insert_header(("Access-Control-Allow-Origin", "*"));
    if is_known {
        return answer.finish();
    }
    answer.insert_header((CONTENT_TYPE, "application/json"));
    match &DOCUMENT.compressed {
        Some(compressed) if takes_gzip(header(ACCEPT_ENCODING).unwrap_or_default()) => answer
            .insert_header((CONTENT_ENCODING, "gzip"))
            .body(compressed.clone()),
        _ => answer.body(DOCUMENT.plain),
    }
}

/// Whether an `Accept-Encoding` names gzip and does not rule it out.
fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_some_and(|weight: f32| weight > 0.0)
    })
}

/// The file with a name, and its type.
fn file(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "" => ("text/html; charset=utf-8", include_str!("../../assets/docs/index.html")),
        "docs.css" => ("text/css; charset=utf-8", include_str!("../../assets/docs/docs.css")),
        "main.js" => (
            "text/javascript; charset=utf-8",
            include_str!("../../assets/docs/main.js"),
        ),
        "schema.js" => (
            "text/javascript; charset=utf-8",
            include_str!("../../assets/docs/schema.js"),
        ),
        "icon.svg" => ("image/svg+xml", include_str!("../../assets/demo/icon.svg")),
        _ => return None,
    })
}

/// `GET /docs`, and what the page loads from below it.
pub(super) async fn page(request: HttpRequest) -> HttpResponse {
    let name = request.match_info().get("file").unwrap_or_default();
    let Some((kind, text)) = file(name) else {
        let error = TransportError::new(StatusCode::NOT_FOUND, "NotFound", "The page has no such file.");
        return error.answer(&request_id());
    };
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, kind))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(text)
}

#[cfg(test)]
mod tests {
    use super::takes_gzip;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for (accepted, expected) in [
            ("gzip", true),
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("br", false),
            ("gzipped", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(accepted), expected, "{accepted}");
        }
    }
}
