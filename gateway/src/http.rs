//! The HTTP face: routes, limits, and the one place where errors become answers.

mod address;
mod answer;
mod body;
mod caller;
mod demo;
pub mod email;
mod functions;
mod health;
mod openapi;
mod opencom_json;
mod storage;
mod sync;
mod well_known;

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::X_CONTENT_TYPE_OPTIONS;
use actix_web::middleware::{DefaultHeaders, NormalizePath, TrailingSlash};
use actix_web::{App as ActixApp, web};

use crate::compose::App;

/// The routes. The widget runs on customers' pages, so every origin may call; functions judge origins themselves.
pub fn routes(
    app: App,
) -> ActixApp<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let cors = Cors::default()
        .allow_any_origin()
        .allow_any_method()
        .allow_any_header()
        .supports_credentials()
        .expose_headers(["X-Request-Id"])
        .max_age(86_400);
    ActixApp::new()
        .app_data(web::Data::new(app))
        // No page calls these: they stand before the routes that every origin may call.
        .route("/email/inbound", web::post().to(email::inbound))
        .route("/api/email/inbound", web::post().to(email::inbound))
        .route("/email/webhook", web::post().to(email::delivery))
        .route("/api/email/webhook", web::post().to(email::delivery))
        .service(
            web::scope("/api")
                .wrap(cors)
                .route("/query", web::post().to(functions::query))
                .route("/mutation", web::post().to(functions::mutation))
                .route("/action", web::post().to(functions::action))
                .route("/function", web::post().to(functions::function))
                .route("/query_ts", web::post().to(functions::query_ts))
                .route("/query_at_ts", web::post().to(functions::query))
                .route("/run/{path:.*}", web::post().to(functions::run))
                .route("/debug_event", web::post().to(functions::debug_event))
                .route("/sync", web::get().to(sync::other))
                .route("/{version}/sync", web::get().to(sync::npm))
                .route("/storage/upload", web::post().to(storage::upload))
                .route("/storage/{id}", web::get().to(storage::download))
                .default_service(web::to(answer::no_such_route)),
        )
        .route(
            "/.well-known/openid-configuration",
            web::get().to(well_known::openid_configuration),
        )
        .route("/.well-known/jwks.json", web::get().to(well_known::jwks))
        .service(
            web::resource("/.well-known/opencom.json")
                .route(web::get().to(opencom_json::get))
                .route(web::head().to(opencom_json::get))
                .route(web::method(Method::OPTIONS).to(opencom_json::options))
                .default_service(web::to(opencom_json::no_action)),
        )
        .route("/healthz", web::get().to(health::healthz))
        .route("/readyz", web::get().to(health::readyz))
        .route("/metrics", web::get().to(health::metrics))
        .route("/openapi.json", web::get().to(openapi::document))
        .route("/docs", web::get().to(openapi::page))
        .route("/docs/{file:[^/]*}", web::get().to(openapi::page))
        .route("/demo", web::get().to(demo::get))
        .route("/demo/{file:[^/]*}", web::get().to(demo::get))
        .default_service(web::to(answer::no_such_route))
        // Where nothing else is said: no answer is anything but what it says it is.
        .wrap(DefaultHeaders::new().add((X_CONTENT_TYPE_OPTIONS, "nosniff")))
        // A configured address with a slash at the end makes clients call `//api/…`.
        .wrap(NormalizePath::new(TrailingSlash::MergeOnly))
}

/// What operators and their machines ask, for an address of its own.
pub fn operators(
    app: App,
) -> ActixApp<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    ActixApp::new()
        .app_data(web::Data::new(app))
        .route("/healthz", web::get().to(health::healthz))
        .route("/readyz", web::get().to(health::readyz))
        .route("/metrics", web::get().to(health::metrics))
        .default_service(web::to(answer::no_such_route))
}
