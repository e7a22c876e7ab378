//! What operators and their machines ask.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::answer;
use crate::compose::App;

/// `GET /healthz`: the process answers.
pub(super) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// `GET /readyz`: the database answers too.
pub(super) async fn readyz(app: web::Data<App>) -> HttpResponse {
    match app.dispatcher.pool().ping().await {
        Ok(()) => HttpResponse::Ok().json(json!({ "status": "ready" })),
        Err(error) => {
            tracing::warn!(cause = error.cause().map(tracing::field::display), "not ready");
            HttpResponse::ServiceUnavailable().json(json!({ "status": "unavailable", "waitingFor": "database" }))
        }
    }
}

/// `GET /metrics`: numbers for Prometheus.
pub(super) async fn metrics(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let Some(metrics) = &app.metrics else {
        return answer::no_such_route(request).await;
    };
    metrics.run_upkeep();
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(metrics.render())
}
