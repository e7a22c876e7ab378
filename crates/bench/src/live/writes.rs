//! Writes: over sockets beside HTTP, and with the bus beside without.

use std::time::Duration;

use opencom_contract::{Function, messages};
use rand::seq::IndexedRandom;

use super::Stage;
use crate::Fault;
use crate::client::Client;
use crate::load::{self, Outcome};
use crate::report::LiveRow;
use crate::server::{Gateway, Launch};
use crate::socket::Socket;
use crate::wire::{self, Frame, MutationResponse};

/// A connection that calls mutations over a socket.
struct Caller {
    socket: Socket,
    next: u32,
}

impl Caller {
    async fn connect(address: &str) -> Result<Self, Fault> {
        let mut socket = Socket::open(address, None, &[]).await?;
        while socket.version().query_set == 0 {
            socket.receive(|_| Ok(())).await?;
        }
        Ok(Self { socket, next: 0 })
    }

    /// Calls a mutation and waits as npm does: for the response, then for a Transition that covers it.
    async fn call<F: Function>(&mut self, request: &F) -> Result<(), Fault> {
        self.socket.send(&wire::mutation(self.next, request)?).await?;
        self.next += 1;
        let mut committed = None;
        let mut settled = false;
        while !settled {
            let look = |frame: Frame<'_>| {
                match frame {
                    Frame::MutationResponse(text) => {
                        let response: MutationResponse = serde_json::from_slice(text)?;
                        if !response.success {
                            return Err(response.result.to_string().into());
                        }
                        committed = response.ts;
                    }
                    Frame::Transition { end, .. } => settled = committed.is_some_and(|ts| end.ts >= ts),
                    Frame::Ping => {}
                }
                Ok(())
            };
            self.socket.receive(look).await?;
        }
        Ok(())
    }
}

/// `messages:send` over HTTP and over sockets.
pub(super) async fn over_sockets(stage: &Stage<'_>) -> Result<Vec<LiveRow>, Fault> {
    let (address, time) = (stage.address(), stage.settings.time());
    eprintln!("messages:send over HTTP, over sockets, over HTTP");
    let before = by_http(stage, address, time / 2).await?;
    let sockets = by_socket(stage, address, time).await?;
    let http = before.mean(&by_http(stage, address, time / 2).await?);
    Ok(vec![
        row("messages:send over HTTP", &http, None),
        row("messages:send over sockets", &sockets, Some((&http, ">= 0.80"))),
    ])
}

/// `messages:send` on a server that is alone and on one that tells another what changed.
pub(super) async fn bus(stage: &Stage<'_>) -> Result<Vec<LiveRow>, Fault> {
    let calls = Launch::calls(stage.url);
    let flags = [calls.flags, &["--single"]].concat();
    let alone = Launch { flags: &flags, ..calls };
    let alone = Gateway::start(stage.settings, stage.place, alone).await?;
    let other = Gateway::start(stage.settings, stage.place, calls).await?;
    let time = stage.settings.time();
    eprintln!("messages:send without the bus, with it, without it");
    let before = by_http(stage, &alone.address, time / 2).await?;
    let told = by_http(stage, stage.address(), time).await?;
    let untold = before.mean(&by_http(stage, &alone.address, time / 2).await?);
    alone.kill().await?;
    other.kill().await?;
    Ok(vec![
        row("messages:send without the bus", &untold, None),
        row(
            "messages:send with the bus, a second process",
            &told,
            Some((&untold, ">= 0.95")),
        ),
    ])
}

async fn by_socket(stage: &Stage<'_>, address: &str, time: Duration) -> Result<Outcome, Fault> {
    let connect = async || Caller::connect(address).await;
    let one = async |caller: &mut Caller| caller.call(&any_message(stage)?).await;
    load::run(stage.settings.clients, time, &connect, &one).await
}

async fn by_http(stage: &Stage<'_>, address: &str, time: Duration) -> Result<Outcome, Fault> {
    let connect = async || Client::connect(address, None).await;
    let one = async |client: &mut Client| client.call(&any_message(stage)?).await.map(|_| ());
    load::run(stage.settings.clients, time, &connect, &one).await
}

fn any_message(stage: &Stage<'_>) -> Result<messages::SendMessage, Fault> {
    let visitor = stage.visitors.choose(&mut rand::rng()).ok_or("nobody to send")?;
    Ok(visitor.message("Where do I find the invoice of last month?".to_owned()))
}

fn row(name: &str, outcome: &Outcome, beside: Option<(&Outcome, &str)>) -> LiveRow {
    LiveRow {
        name: name.to_owned(),
        per_second: Some(outcome.per_second),
        times: Some((outcome.p50, outcome.p99)),
        result: beside.map_or_else(String::new, |(other, _)| {
            format!("{:.2}", outcome.per_second / other.per_second)
        }),
        target: beside.map_or_else(String::new, |(_, target)| target.to_owned()),
    }
}
