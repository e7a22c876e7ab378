//! A world in which everything happens in steps: a database of counters, queries that read it statement by statement,
//! mutations that commit before they publish, and sessions.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use opencom_core::auth::jwt::{AgentIdentity, Verified};
use opencom_core::auth::seal::MasterKey;
use opencom_core::id::{AuthSessionId, UserId};
use opencom_core::{Error, Millis};
use opencom_live::Engine;
use opencom_live::engine::{QueryId, Run};
use opencom_live::session::{Answer, Client as Kind, Ending, Host, Limits, Output, Request, Session, Tokens};
use opencom_runtime::limits::{Quotas, RateLimits};
use opencom_runtime::requests::{Answered, RequestId};
use opencom_runtime::timestamp::Timestamps;
use opencom_runtime::topics::{Committing, Sequence};
use opencom_runtime::{Caller, Clock, Execution, Server, Topic, Topics};
use serde_json::{Value, json};

/// How many counters there are.
pub(crate) const CELLS: usize = 2;
/// The state of the database.
pub(crate) type Cells = [u64; CELLS];

/// Tokens `a1`, `a2` (of one session) and `b1`; everything else is refused.
pub(crate) struct Names {
    a: AgentIdentity,
    b: AgentIdentity,
    expires_at: AtomicI64,
}

impl Tokens for Names {
    fn verify(&self, token: &str) -> Result<Verified, String> {
        let identity = match token {
            "a1" | "a2" => self.a,
            "b1" => self.b,
            _ => return Err("token rejected".to_owned()),
        };
        Ok(Verified {
            identity,
            expires_at: Millis(self.expires_at.load(Ordering::Relaxed)),
        })
    }
}

impl Names {
    /// When the tokens that are shown from now on run out.
    pub(crate) fn expire_at(&self, time: Millis) {
        self.expires_at.store(time.0, Ordering::Relaxed);
    }

    fn name(&self, caller: Caller) -> &'static str {
        match caller {
            Caller::Anonymous => "nobody",
            Caller::Agent(identity) if identity == self.a => "a",
            Caller::Agent(_) => "b",
        }
    }
}

/// A query that is under way: each step reads one cell.
struct Running {
    id: QueryId,
    run: Run,
    since: Sequence,
    cells: Vec<usize>,
    read: Vec<u64>,
}

/// A mutation that is under way.
struct Calling {
    request: Request,
    connection: u64,
    stage: Stage,
}

enum Stage {
    Waits,
    /// Committed, and neither published nor answered.
    Committed(
        Answered,
        usize,
        #[expect(dead_code, reason = "publishes when it goes")] Committing,
    ),
    Answered(Result<Answered, Error>),
}

/// The server's end of a connection.
pub(crate) struct Connection {
    pub(crate) session: Session,
    pub(crate) to_client: std::collections::VecDeque<String>,
    pub(crate) pings: usize,
    pub(crate) closed: Option<Ending>,
}

/// Everything but the clients.
pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) host: Arc<Host>,
    pub(crate) connections: HashMap<u64, Connection>,
    pub(crate) names: Arc<Names>,
    topics: Arc<Topics>,
    topic_of: [Topic; CELLS],
    cells: Cells,
    /// The states that were published, in order.
    pub(crate) history: Vec<Cells>,
    running: Vec<Running>,
    calling: Vec<Calling>,
    records: HashMap<RequestId, Answered>,
    next_connection: u64,
    /// How many runs were begun.
    pub(crate) runs: usize,
}

impl World {
    pub(crate) fn with(limits: Limits) -> Self {
        let topics = Arc::new(Topics::default());
        let identity = || AgentIdentity {
            user: UserId::generate(),
            session: AuthSessionId::generate(),
        };
        let names = Arc::new(Names {
            a: identity(),
            b: identity(),
            expires_at: AtomicI64::new(i64::MAX),
        });
        let clock = Clock::system();
        let server = Arc::new(Server {
            limits: RateLimits::new(&Quotas::OFF, &[], clock.clone()).unwrap(),
            clock,
            topics: Arc::clone(&topics),
            master_key: MasterKey::new(&[7; 32]).unwrap(),
            timestamps: Timestamps::default(),
            public_url: "http://opencom.test".to_owned(),
            strict_visitors: false,
        });
        let host = Arc::new(Host {
            server,
            engine: Engine::new(Arc::clone(&topics)),
            tokens: Arc::clone(&names) as _,
            limits,
        });
        Self {
            now: Instant::now(),
            host,
            connections: HashMap::new(),
            names,
            topics,
            topic_of: std::array::from_fn(|_| opencom_runtime::topic::user(UserId::generate())),
            cells: [0; CELLS],
            history: vec![[0; CELLS]],
            running: Vec::new(),
            calling: Vec::new(),
            records: HashMap::new(),
            next_connection: 0,
            runs: 0,
        }
    }

    /// The counters as they are.
    pub(crate) fn cells(&self) -> Cells {
        self.cells
    }

    /// Opens a connection.
    pub(crate) fn open(&mut self, kind: Kind) -> u64 {
        self.next_connection += 1;
        let connection = Connection {
            session: Session::new(Arc::clone(&self.host), kind, None, self.now),
            to_client: std::collections::VecDeque::new(),
            pings: 0,
            closed: None,
        };
        self.connections.insert(self.next_connection, connection);
        self.next_connection
    }

    /// Cuts a connection. Its calls go on.
    pub(crate) fn cut(&mut self, number: u64) {
        self.connections.remove(&number);
    }

    /// Lets a frame arrive.
    pub(crate) fn receive(&mut self, number: u64, frame: &str) {
        let now = self.now;
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.session.receive(frame, now);
            self.wake(number);
        }
    }

    /// Wakes a session, and does what it asks for.
    pub(crate) fn wake(&mut self, number: u64) {
        let Some(connection) = self.connections.get_mut(&number) else {
            return;
        };
        connection.session.wake(self.now, true);
        while let Some(output) = connection.session.next_output() {
            match output {
                Output::Frame(frame) => connection.to_client.push_back(frame),
                Output::Ping => connection.pings += 1,
                Output::Close(ending) => connection.closed = Some(ending),
                Output::Call(request) => self.calling.push(Calling {
                    request,
                    connection: number,
                    stage: Stage::Waits,
                }),
            }
        }
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// How many things are under way.
    pub(crate) fn tasks(&self) -> usize {
        self.running.len() + self.calling.len()
    }

    /// Begins the next run, if one is due.
    pub(crate) fn begin(&mut self) -> bool {
        let Some(id) = self.host.engine.next() else {
            return false;
        };
        self.begin_run(id);
        true
    }

    fn begin_run(&mut self, id: QueryId) {
        if let Some(run) = self.host.engine.begin(id) {
            self.runs += 1;
            let arguments: Value = serde_json::from_str(&run.query.arguments).unwrap();
            let cells = match arguments["cell"].as_f64() {
                Some(cell) => vec![cell as usize],
                None => (0..CELLS).collect(),
            };
            self.running.push(Running {
                id,
                run,
                since: self.topics.sequence(),
                cells,
                read: Vec::new(),
            });
        }
    }

    /// Takes the next step of one of the things that are under way.
    pub(crate) fn step(&mut self, which: usize) {
        if self.tasks() == 0 {
            return;
        }
        let which = which % self.tasks();
        if which < self.running.len() {
            self.step_run(which);
        } else {
            self.step_call(which - self.running.len());
        }
    }

    fn step_run(&mut self, which: usize) {
        let running = &mut self.running[which];
        if running.read.len() < running.cells.len() {
            let cell = running.cells[running.read.len()];
            running.read.push(self.cells[cell]);
            return;
        }
        let done = self.running.remove(which);
        let caller = self.names.name(done.run.query.caller);
        let cells: Vec<_> = done.cells.iter().copied().zip(done.read).collect();
        let outcome = match (done.run.query.path.as_str(), cells[0].1 % 2) {
            ("cells:odd", 1) => Err(Error::invalid(
                "cell",
                json!({ "caller": caller, "cells": cells }).to_string(),
            )),
            _ => Ok(json!({ "caller": caller, "cells": cells }).to_string()),
        };
        let execution = Execution {
            outcome,
            reads: done.cells.iter().map(|cell| self.topic_of[*cell]).collect(),
            holds_until: None,
            since: done.since,
            journal: None,
            rests_on_grace: false,
        };
        let now = self.host.server.clock.now();
        if self.host.engine.finish(done.id, execution, now) {
            self.begin_run(done.id);
        }
    }

    fn step_call(&mut self, which: usize) {
        let calling = &mut self.calling[which];
        let arguments: Value = serde_json::from_str(&calling.request.arguments).unwrap();
        let id = calling.request.id;
        match &calling.stage {
            Stage::Waits => {
                calling.stage = match (self.records.get(&id), calling.request.path.as_str()) {
                    (Some(recorded), _) => Stage::Answered(Ok(Answered {
                        repeated: true,
                        ..recorded.clone()
                    })),
                    (None, "cells:fail") => Stage::Answered(Err(Error::not_authorized("no"))),
                    (None, _) => {
                        let cell = arguments["cell"].as_f64().unwrap() as usize;
                        let committing = self.topics.committing(vec![self.topic_of[cell]]);
                        self.cells[cell] += 1;
                        let ts = self.host.server.timestamps.next(self.host.server.clock.now());
                        let answered = Answered {
                            value: json!(self.cells[cell]).to_string(),
                            ts,
                            repeated: false,
                        };
                        self.records.insert(id, answered.clone());
                        Stage::Committed(answered, cell, committing)
                    }
                };
            }
            Stage::Committed(answered, cell, _) => {
                let mut published = *self.history.last().unwrap();
                published[*cell] += 1;
                self.history.push(published);
                // The announcement goes, and publishes.
                calling.stage = Stage::Answered(Ok(answered.clone()));
            }
            Stage::Answered(_) => {
                let Calling {
                    request,
                    connection,
                    stage,
                } = self.calling.remove(which);
                let Stage::Answered(outcome) = stage else { return };
                if let Some(open) = self.connections.get_mut(&connection) {
                    open.session
                        .answered(Answer::Mutation(request.id.request, outcome), self.now);
                    self.wake(connection);
                }
            }
        }
    }

    /// Whether a session was woken, or its time has come.
    pub(crate) fn is_due(&self, number: u64) -> bool {
        self.connections.get(&number).is_some_and(|connection| {
            connection.session.watcher().woken().now_or_never().is_some()
                || connection.session.deadline(true) <= self.now
        })
    }
}
