//! The server, in this process, on a database of its own.

use std::net::TcpListener;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use opencom_client::Client;
use opencom_client::contract::auth::CurrentUser;
use opencom_client::contract::widget_sessions::Boot;
use opencom_client::core::id::WorkspaceId;
use opencom_gateway::compose::App;
use opencom_gateway::http;
use opencom_runtime::Pool;
use opencom_testkit::Kit;
use tokio::sync::watch;

use crate::kit::{Edge, app, kit};

pub(crate) struct Server {
    pub(crate) kit: Kit,
    app: App,
    pub(crate) url: String,
    handle: ServerHandle,
    _stop: watch::Sender<bool>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        provide_cryptography();
        let kit = kit().await;
        let app = app(&kit, Edge::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let handle = serve(&app, &kit, listener);
        let (stop, stopping) = watch::channel(false);
        let pool = Pool::new(kit.database.url(), 4).unwrap();
        tokio::spawn(app.clone().keep_live(pool, 4, stopping));
        Self {
            kit,
            app,
            url,
            handle,
            _stop: stop,
        }
    }

    /// Goes away with all its connections and comes back at the same address.
    pub(crate) async fn restart(&mut self) {
        self.handle.stop(false).await;
        let address = self.url.strip_prefix("http://").unwrap();
        let listener = TcpListener::bind(address).unwrap();
        self.handle = serve(&self.app, &self.kit, listener);
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url).unwrap()
    }

    /// An agent with a workspace.
    pub(crate) async fn agent(&self) -> (Client, WorkspaceId) {
        let agent = self
            .client()
            .sign_up("ada@example.com", "correct horse", "Ada")
            .await
            .unwrap();
        let me = agent.query(&CurrentUser::default()).await.unwrap().unwrap();
        (agent, me.user.workspace_id.unwrap())
    }
}

fn serve(app: &App, kit: &Kit, listener: TcpListener) -> ServerHandle {
    let (app, database) = (app.clone(), kit.database.url().to_owned());
    let server = HttpServer::new(move || http::routes(app.on(Pool::new(&database, 4).unwrap())))
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
    let handle = server.handle();
    tokio::spawn(server);
    handle
}

pub(crate) fn provide_cryptography() {
    // An error means that it is there already.
    let _already = rustls_any::crypto::ring::default_provider().install_default();
}

/// How a browser comes in.
pub(crate) fn boot(workspace_id: WorkspaceId) -> Boot {
    serde_json::from_value(serde_json::json!({ "workspaceId": workspace_id, "sessionId": "browser" })).unwrap()
}
