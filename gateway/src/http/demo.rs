//! The demo's page. Its files are part of the program.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY};
use actix_web::{HttpRequest, HttpResponse, web};

use super::answer::{TransportError, request_id};
use crate::compose::App;
use crate::demo::is_this_machine;

/// The page may load what this server serves, talk to this server, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The file with a name, and its type.
fn file(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "" => (HTML, include_str!("../../assets/demo/index.html")),
        "demo.css" => ("text/css; charset=utf-8", include_str!("../../assets/demo/demo.css")),
        "icon.svg" => ("image/svg+xml", include_str!("../../assets/demo/icon.svg")),
        "main.js" => (SCRIPT, include_str!("../../assets/demo/main.js")),
        "page.js" => (SCRIPT, include_str!("../../assets/demo/page.js")),
        "chat.js" => (SCRIPT, include_str!("../../assets/demo/chat.js")),
        "visitor.js" => (SCRIPT, include_str!("../../assets/demo/visitor.js")),
        "agent.js" => (SCRIPT, include_str!("../../assets/demo/agent.js")),
        "convex.js" => (SCRIPT, include_str!("../../assets/demo/convex-1.35.1.bundle.js")),
        _ => return None,
    })
}

/// `GET /demo`, and what the page loads from below it.
pub(super) async fn get(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    answer(&app, &request).unwrap_or_else(|error| error.answer(&request_id()))
}

fn answer(app: &App, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
    let missing = |message: &str| TransportError::new(StatusCode::NOT_FOUND, "NotFound", message);
    let demo = app
        .demo
        .as_deref()
        .ok_or_else(|| missing("The demo is off. Start the server with --demo, or with OPENCOM_DEMO=true."))?;
    // A foreign page whose name was made to mean this machine would name itself here.
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(|host| is_this_machine(&format!("http://{host}"))) {
        return Err(TransportError::new(
            StatusCode::FORBIDDEN,
            "Forbidden",
            "The demo is for this machine alone: open it as localhost or 127.0.0.1.",
        ));
    }
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CACHE_CONTROL, "no-store"));
    match request.match_info().get("file").unwrap_or_default() {
        "config.json" => Ok(answer.json(demo)),
        name => file(name)
            .map(|(kind, text)| answer.insert_header((CONTENT_TYPE, kind)).body(text))
            .ok_or_else(|| missing("The demo has no such file.")),
    }
}
