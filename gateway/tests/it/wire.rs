//! A server on a socket, and a client that sends exactly what it is told.

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::HttpServer;
use opencom_core::Millis;
use opencom_gateway::compose::App;
use opencom_gateway::demo::Demo;
use opencom_gateway::{http, measurements};
use opencom_runtime::{Pool, bus};
use opencom_testkit::{Agent, Kit, Settings};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::kit::{Edge, app, kit, kit_with};

/// The composed services behind HTTP on a socket of their own.
pub(crate) struct Wire {
    pub(crate) kit: Kit,
    pub(crate) app: App,
    edge: Edge,
    pub(crate) url: String,
    client: reqwest::Client,
    /// Held as long as live queries are kept up to date and the bus is joined.
    stop: watch::Sender<bool>,
}

impl Wire {
    pub(crate) async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    pub(crate) async fn start_with(settings: Settings) -> Self {
        Self::start_edge(settings, Edge::default()).await
    }

    pub(crate) async fn start_edge(settings: Settings, edge: Edge) -> Self {
        let kit = kit_with(settings).await;
        let app = app(&kit, edge.clone());
        Self::serve(kit, edge, app)
    }

    pub(crate) async fn start_with_demo() -> Self {
        let kit = kit().await;
        let app = app(&kit, Edge::default());
        let demo = Demo::prepare(&app).await.unwrap();
        let demo = Some(Arc::new(demo));
        Self::serve(kit, Edge::default(), App { demo, ..app })
    }

    /// Another server on the same database.
    pub(crate) async fn replica(&self) -> Self {
        let kit = self.kit.replica().await;
        let app = app(&kit, self.edge.clone());
        Self::serve(kit, self.edge.clone(), app)
    }

    fn serve(kit: Kit, edge: Edge, app: App) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let database = kit.database.url().to_owned();
        let served = App {
            metrics: Some(measurements::builder().unwrap().build_recorder().handle()),
            ..app.clone()
        };
        let server = HttpServer::new(move || http::routes(served.on(Pool::new(&database, 4).unwrap())))
            .workers(1)
            .tcp_nodelay(true)
            .disable_signals()
            .listen(listener)
            .unwrap()
            .run();
        tokio::spawn(server);
        let (stop, stopping) = watch::channel(false);
        let pool = Pool::new(kit.database.url(), 4).unwrap();
        tokio::spawn(app.clone().keep_live(pool, 4, stopping));
        Self {
            kit,
            app,
            edge,
            url,
            client: client(),
            stop,
        }
    }

    /// Joins the bus, and returns once it hears what other servers change.
    pub(crate) async fn join_bus(&self) {
        let topics = &self.kit.server.topics;
        let before = topics.sequence();
        let url = self.kit.database.url().to_owned();
        tokio::spawn(bus::run(url, topics.clone(), self.stop.subscribe()));
        // Connecting publishes that changes may have been missed.
        while topics.sequence() == before {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// A token for an agent, as signing in would give.
    pub(crate) fn token(&self, agent: &Agent) -> String {
        let server = &self.kit.server;
        let now = Millis(server.clock.now().0);
        self.app
            .jwt_keys
            .issue(agent.user_id, agent.session_id, &server.public_url, now)
            .unwrap()
    }

    /// Posts a body.
    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
        answer(self.request(Method::POST, path).body(body).send().await.unwrap()).await
    }

    /// Calls a function and gives the envelope.
    pub(crate) async fn call(&self, route: &str, path: &str, args: Value, token: Option<&str>) -> Value {
        let body = json!({ "path": path, "args": args, "format": "json" });
        let mut request = self
            .request(Method::POST, &format!("/api/{route}"))
            .body(body.to_string());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let (status, envelope) = answer(request.send().await.unwrap()).await;
        assert_eq!(status, StatusCode::OK, "{envelope}");
        envelope
    }

    /// Calls a function that succeeds.
    pub(crate) async fn value(&self, route: &str, path: &str, args: Value, token: Option<&str>) -> Value {
        let envelope = self.call(route, path, args, token).await;
        assert_eq!(envelope["status"], "success", "{envelope}");
        envelope["value"].clone()
    }
}

/// A client that talks to this machine alone.
pub(crate) fn client() -> reqwest::Client {
    // An error means that it is installed already.
    let _already = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Status and JSON body.
pub(crate) async fn answer(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
