//! A network between client and server that a test can cut.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes connections on to a server.
pub(crate) struct Proxy {
    /// Where clients connect.
    pub(crate) url: String,
    network: watch::Sender<Network>,
}

#[derive(Clone, Copy, PartialEq)]
struct Network {
    up: bool,
    /// How often it went down, so that a connection notices that it did while nobody looked.
    cuts: u32,
}

impl Proxy {
    /// In front of the server at `base`.
    pub(crate) async fn to(base: &str) -> Self {
        let server: SocketAddr = base.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let network = watch::Sender::new(Network { up: true, cuts: 0 });
        let state = network.subscribe();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut state = state.clone();
                let began = Network {
                    up: true,
                    ..*state.borrow()
                };
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = state.wait_for(|now| *now != began) => {}
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                    }
                });
            }
        });
        Self { url, network }
    }

    /// Cuts every connection, and every new one until [`up`](Self::up).
    pub(crate) fn down(&self) {
        self.network.send_modify(|network| {
            network.up = false;
            network.cuts += 1;
        });
    }

    /// Lets new connections live again.
    pub(crate) fn up(&self) {
        self.network.send_modify(|network| network.up = true);
    }
}
