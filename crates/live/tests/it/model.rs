//! Random interleavings of everything that clients, queries, mutations and the network do. Whatever the order: no version
//! is skipped, no transition comes unasked, each shows one moment and one caller, a mutation settles when its effect is
//! shown and happens once; and when all is quiet, every view is what a fresh execution gives.

use std::time::Duration;

use opencom_live::session::{Client as Kind, Limits};
use proptest::prelude::*;

use crate::client::Client;
use crate::world::{CELLS, Cells, World};

/// How many orders are tried, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 2_000;
const CLIENTS: usize = 2;

#[derive(Clone, Debug)]
enum Step {
    Subscribe(usize, usize),
    Unsubscribe(usize, usize),
    Mutate(usize, usize, bool),
    Authenticate(usize, Option<&'static str>),
    Cut(usize),
    Connect(usize),
    /// A frame arrives at the server.
    Up(usize),
    /// A frame arrives at the client.
    Down(usize),
    /// A run begins.
    Begin,
    /// Something that is under way goes on.
    Work(usize),
    /// Whoever was woken looks.
    Wake,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    let token = prop::sample::select(vec![None, Some("a1"), Some("a2"), Some("b1"), Some("bad")]);
    prop_oneof![
        3 => (client.clone(), 0..2 * CELLS + 4).prop_map(|(client, kind)| Step::Subscribe(client, kind)),
        1 => (client.clone(), 0..4_usize).prop_map(|(client, nth)| Step::Unsubscribe(client, nth)),
        4 => (client.clone(), 0..CELLS, prop::bool::weighted(0.1)).prop_map(|(client, cell, fails)| Step::Mutate(client, cell, fails)),
        1 => (client.clone(), token).prop_map(|(client, token)| Step::Authenticate(client, token)),
        1 => client.clone().prop_map(Step::Cut),
        2 => client.clone().prop_map(Step::Connect),
        8 => client.clone().prop_map(Step::Up),
        6 => client.prop_map(Step::Down),
        8 => Just(Step::Begin),
        24 => (0..8_usize).prop_map(Step::Work),
        8 => Just(Step::Wake),
        3 => (0..20_u64).prop_map(Step::Pass),
    ]
}

struct Model {
    world: World,
    clients: Vec<Client>,
    /// Whether sessions wait for what is not settled as long as it takes.
    patient: bool,
}

impl Model {
    fn run(patient: bool, steps: Vec<Step>) {
        let settle_patience = Duration::from_millis(if patient { 1_000_000 } else { 30 });
        let limits = Limits {
            settle_patience,
            ..Limits::default()
        };
        let mut model = Self {
            world: World::with(limits),
            clients: (0..CLIENTS).map(|_| Client::default()).collect(),
            patient,
        };
        for client in 0..CLIENTS {
            model.connect(client);
            model.clients[client].subscribe(client);
        }
        model.quiesce();
        for step in steps {
            model.take(step);
        }
        model.quiesce();
        model.check();
    }

    fn connect(&mut self, client: usize) {
        if self.clients[client].connection.is_none() {
            let connection = self.world.open(Kind::Npm);
            self.clients[client].connect(connection);
        }
    }

    fn cut(&mut self, client: usize) {
        if let Some(connection) = self.clients[client].lose() {
            self.world.cut(connection);
        }
    }

    fn up(&mut self, client: usize) -> bool {
        let client = &mut self.clients[client];
        let (Some(connection), Some(frame)) = (client.connection, client.to_server.pop_front()) else {
            return false;
        };
        self.world.receive(connection, &frame);
        true
    }

    fn down(&mut self, client: usize) -> bool {
        let Some(connection) = self.clients[client].connection else {
            return false;
        };
        let open = self.world.connections.get_mut(&connection).unwrap();
        if let Some(frame) = open.to_client.pop_front() {
            let history = self.patient.then_some(self.world.history.as_slice());
            if self.clients[client].receive(&frame, history) {
                self.cut(client);
            }
            return true;
        }
        assert_eq!(open.closed, None, "nobody broke the protocol");
        false
    }

    fn wake(&mut self, client: usize) -> bool {
        let Some(connection) = self.clients[client].connection else {
            return false;
        };
        let due = self.world.is_due(connection);
        if due {
            self.world.wake(connection);
        }
        due
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Subscribe(client, kind) => self.clients[client].subscribe(kind),
            Step::Unsubscribe(client, nth) => self.clients[client].unsubscribe(nth),
            Step::Mutate(client, cell, fails) => self.clients[client].mutate(cell, fails),
            Step::Authenticate(client, token) => self.clients[client].authenticate(token),
            Step::Cut(client) => self.cut(client),
            Step::Connect(client) => self.connect(client),
            Step::Up(client) => _ = self.up(client),
            Step::Down(client) => _ = self.down(client),
            Step::Begin => _ = self.world.begin(),
            Step::Work(which) => self.world.step(which),
            Step::Wake => (0..CLIENTS).for_each(|client| _ = self.wake(client)),
            Step::Pass(ms) => self.world.pass(Duration::from_millis(ms)),
        }
    }

    /// Lets everything go on until nothing is left to do. Nobody is woken but by what wakes him.
    fn quiesce(&mut self) {
        let (mut quiet, mut rounds) = (0, 0);
        while quiet < 4 {
            let mut busy = false;
            rounds += 1;
            assert!(rounds < 1000, "it never becomes quiet");
            for client in 0..CLIENTS {
                self.connect(client);
                while self.up(client) {
                    busy = true;
                }
                busy |= self.wake(client);
                while self.down(client) {
                    busy = true;
                }
            }
            while self.world.begin() {}
            // In turn: a query that reads what is being committed runs until that is done.
            for turn in 0..4 * self.world.tasks() {
                self.world.step(turn);
            }
            busy |= self.world.tasks() > 0;
            quiet = if busy { 0 } else { quiet + 1 };
            self.world.pass(Duration::from_millis(20));
        }
    }

    fn check(&self) {
        let cells = self.world.cells();
        let mut raised: Cells = [0; CELLS];
        for (number, client) in self.clients.iter().enumerate() {
            assert!(client.is_settled(), "client {number} is owed something");
            for id in client.queries.keys() {
                assert_eq!(
                    client.views.get(id),
                    Some(&client.fresh(*id, &cells)),
                    "client {number}, query {id}"
                );
            }
            for (sum, of_client) in raised.iter_mut().zip(client.raised) {
                *sum += of_client;
            }
        }
        assert_eq!(raised, cells, "every answered mutation happened once, and no other");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_order_clients_see_one_moment_after_the_other(steps in prop::collection::vec(step(), 1..150)) {
        Model::run(true, steps);
    }

    /// Under writes that never end, results are shown that are not of one moment; everything else holds.
    #[test]
    fn whatever_the_order_clients_are_not_kept_waiting(steps in prop::collection::vec(step(), 1..150)) {
        Model::run(false, steps);
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(CASES)
}
