//! Visitors and agents who come and go, read and write at random.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use opencom_contract::{Function, auth, conversations, messages};
use opencom_core::id::ConversationId;
use rand::RngExt;
use rand::seq::{IndexedRandom, IteratorRandom};
use serde_json::Value;
use uuid::Uuid;

use super::session::{Ending, Session, Tally, count};
use super::view::{Query, Settled};
use crate::Fault;
use crate::client::Client;
use crate::people::{Agent, Visitor, thread};

/// Subscriptions of a client, about.
const SUBSCRIPTIONS: usize = 5;
/// Messages after which a visitor opens a new conversation, so that lists stay as short as they are in life.
const THREAD: u32 = 10;
/// Conversations that a visitor opens before he leaves for good and somebody new comes, so that what is held for everybody
/// who is there stays about the same, and what the server kept for those who left would show as growth.
const STAY: u32 = 2;
/// How long the server may take to bring a view up to date once nobody writes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whose client it is.
pub(crate) enum Person {
    Visitor(Visitor),
    Agent(Agent),
}

/// The visitors of a workspace who are there, each with the conversation that is written to.
pub(crate) type Current = Mutex<Vec<Visitor>>;

/// What a mutation was for.
enum Wish {
    /// That this text is in the conversation.
    Say(ConversationId, String),
    /// A new conversation.
    Open,
    /// That nothing counts as unread.
    Read,
}

/// A client and what its person does with it.
pub(crate) struct Actor {
    person: Person,
    session: Session,
    address: Arc<str>,
    /// The workspace's visitors, and which of them this one is.
    current: Arc<Current>,
    place: usize,
    wishes: HashMap<u32, Wish>,
    said: u32,
    /// Of which in the present conversation.
    here: u32,
    /// Conversations that this visitor has opened.
    opened: u32,
    tally: Arc<Tally>,
}

impl Actor {
    pub(crate) fn new(
        person: Person,
        place: usize,
        address: &Arc<str>,
        current: &Arc<Current>,
        tally: &Arc<Tally>,
    ) -> Self {
        let token = match &person {
            Person::Visitor(_) => None,
            Person::Agent(agent) => Some(agent.token.clone()),
        };
        Self {
            person,
            session: Session::new(Arc::clone(address), token, Arc::clone(tally)),
            address: Arc::clone(address),
            current: Arc::clone(current),
            place,
            wishes: HashMap::new(),
            said: 0,
            here: 0,
            opened: 0,
            tally: Arc::clone(tally),
        }
    }

    /// Lives until the time has come.
    pub(crate) async fn live(mut self, until: Instant) -> Result<Self, Fault> {
        tokio::time::sleep(pause()).await;
        self.session.open().await?;
        self.subscribe().await?;
        let mut next = Instant::now() + pause();
        loop {
            tokio::select! {
                settled = self.session.receive() => self.settle(settled?).await?,
                () = tokio::time::sleep_until(next.into()) => {
                    if Instant::now() >= until {
                        return Ok(self);
                    }
                    self.act().await?;
                    next = Instant::now() + pause();
                }
            }
        }
    }

    async fn act(&mut self) -> Result<(), Fault> {
        if self.opened >= STAY {
            return self.give_way().await;
        }
        if !self.session.is_open() {
            return self.session.open().await;
        }
        let choice = rand::rng().random_range(0..100);
        match choice {
            0..12 => self.say().await,
            12..14 => {
                for _ in 0..3 {
                    self.say().await?;
                }
                Ok(())
            }
            14..24 => self.say_over_http().await,
            24..27 => self.read().await,
            27..40 => self.subscribe().await,
            40..52 => self.unsubscribe().await,
            52..54 => self.leave(Ending::Close).await,
            54..56 => self.leave(Ending::Cut).await,
            56..58 => self.leave(Ending::Reset).await,
            58..60 => self.leave(Ending::Abandon).await,
            _ => self.session.open().await,
        }
    }

    fn any_conversation(&self) -> Result<ConversationId, Fault> {
        let visitor = self
            .current()
            .choose(&mut rand::rng())
            .map(|visitor| visitor.conversation);
        Ok(visitor.ok_or("a workspace without visitors")?)
    }

    fn current(&self) -> MutexGuard<'_, Vec<Visitor>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The visitor writes in another conversation from now on, unless somebody else has taken the place in the other tab.
    fn move_on(&self, visitor: Visitor) {
        let here = &mut self.current()[self.place];
        if here.token == visitor.token {
            *here = visitor;
        }
    }

    /// The visitor leaves for good, and somebody new takes the place. A second tab goes where the first one went.
    async fn give_way(&mut self) -> Result<(), Fault> {
        self.come_to_rest().await?;
        self.session.end(Ending::Close).await?;
        let Person::Visitor(gone) = &self.person else {
            return Ok(());
        };
        let here = self.current()[self.place].clone();
        let visitor = if here.token == gone.token {
            let mut client = self.client().await?;
            let session_id = Uuid::from_u128(rand::random()).to_string();
            let visitor = Visitor::open(&mut client, gone.workspace_id, session_id).await?;
            count(&self.tally.conversations);
            self.current()[self.place] = visitor.clone();
            visitor
        } else {
            here
        };
        self.person = Person::Visitor(visitor);
        self.session.start_over();
        (self.here, self.opened) = (0, 0);
        self.session.open().await?;
        self.subscribe().await
    }

    /// The next message, its conversation and its text, which no other has.
    fn next_message(&mut self) -> Result<(ConversationId, String, messages::SendMessage), Fault> {
        self.said += 1;
        self.here += 1;
        let text = format!("soak {} {}", self.session.id(), self.said);
        Ok(match &self.person {
            Person::Visitor(visitor) => (visitor.conversation, text.clone(), visitor.message(text)),
            Person::Agent(agent) => {
                let conversation = self.any_conversation()?;
                (conversation, text.clone(), agent.message(conversation, text))
            }
        })
    }

    async fn say(&mut self) -> Result<(), Fault> {
        let (conversation, text, message) = self.next_message()?;
        let id = self.session.call(&message).await?;
        self.wishes.insert(id, Wish::Say(conversation, text));
        match &self.person {
            Person::Visitor(visitor) if self.here >= THREAD => {
                self.here = 0;
                let id = self.session.call(&visitor.new_conversation()).await?;
                self.wishes.insert(id, Wish::Open);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn say_over_http(&mut self) -> Result<(), Fault> {
        let (_, _, message) = self.next_message()?;
        self.client().await?.call(&message).await?;
        count(&self.tally.messages_over_http);
        Ok(())
    }

    /// Loses its connection, as often as not before it has an answer: that is when a mutation may be lost or doubled.
    async fn leave(&mut self, ending: Ending) -> Result<(), Fault> {
        if rand::random() {
            self.say().await?;
        }
        self.session.end(ending).await
    }

    async fn read(&mut self) -> Result<(), Fault> {
        let request = match &self.person {
            Person::Visitor(visitor) => conversations::MarkAsRead::builder()
                .id(visitor.conversation)
                .reader_type(conversations::ReaderType::Visitor)
                .session_token(visitor.token.clone())
                .build(),
            Person::Agent(_) => conversations::MarkAsRead::builder()
                .id(self.any_conversation()?)
                .reader_type(conversations::ReaderType::Agent)
                .build(),
        };
        let id = self.session.call(&request).await?;
        self.wishes.insert(id, Wish::Read);
        Ok(())
    }

    async fn subscribe(&mut self) -> Result<(), Fault> {
        if self.session.view().queries().len() >= SUBSCRIPTIONS {
            return Ok(());
        }
        let choice = rand::rng().random_range(0..5);
        match (&self.person, choice) {
            (Person::Visitor(visitor), 0) => {
                let request = conversations::ListByVisitor::builder()
                    .session_token(visitor.token.clone())
                    .workspace_id(visitor.workspace_id)
                    .build();
                self.session.subscribe(&request).await
            }
            (Person::Visitor(visitor), 1) => {
                let request = conversations::GetTotalUnreadForVisitor::builder()
                    .session_token(visitor.token.clone())
                    .workspace_id(visitor.workspace_id)
                    .build();
                self.session.subscribe(&request).await
            }
            (Person::Visitor(visitor), _) => self.session.subscribe(&visitor.thread()).await,
            (Person::Agent(_), 0) => self.session.subscribe(&auth::CurrentUser::default()).await,
            (Person::Agent(agent), 1..3) => {
                let request = conversations::ListForInbox::builder()
                    .workspace_id(agent.workspace_id)
                    .limit(10.into())
                    .build();
                self.session.subscribe(&request).await
            }
            (Person::Agent(_), _) => {
                let request = thread(self.any_conversation()?, None);
                self.session.subscribe(&request).await
            }
        }
    }

    async fn unsubscribe(&mut self) -> Result<(), Fault> {
        let any = self.session.view().queries().keys().choose(&mut rand::rng()).copied();
        match any {
            Some(id) => self.session.unsubscribe(id).await,
            None => Ok(()),
        }
    }

    /// A settled mutation must show in what is subscribed.
    async fn settle(&mut self, settled: Vec<Settled>) -> Result<(), Fault> {
        for (id, result) in settled {
            match self
                .wishes
                .remove(&id)
                .ok_or("a mutation was settled that nobody called")?
            {
                Wish::Say(conversation, text) => {
                    count(&self.tally.messages_over_sockets);
                    let conversation = conversation.to_string();
                    let blind = |query: &&Query| {
                        query.path == messages::List::DESCRIPTOR.path
                            && query.current
                            && query.arguments.contains(&conversation)
                            && !query.value.as_ref().is_some_and(|value| value.contains(&text))
                    };
                    if self.session.view().queries().values().any(|query| blind(&query)) {
                        return Err(format!("{text:?} is settled, but not in the list that is subscribed").into());
                    }
                }
                Wish::Open => {
                    count(&self.tally.conversations);
                    let conversation: ConversationId = serde_json::from_value(result["_id"].clone())?;
                    if let Person::Visitor(visitor) = &mut self.person {
                        visitor.conversation = conversation;
                        let (visitor, thread) = (visitor.clone(), visitor.thread());
                        self.opened += 1;
                        self.move_on(visitor);
                        self.session.subscribe(&thread).await?;
                    }
                    if self.session.view().queries().len() > SUBSCRIPTIONS {
                        self.unsubscribe().await?;
                    }
                }
                Wish::Read => {}
            }
        }
        Ok(())
    }

    /// Waits until every mutation is settled and every subscription has its result.
    pub(crate) async fn rest(mut self) -> Result<Self, Fault> {
        self.come_to_rest().await?;
        Ok(self)
    }

    async fn come_to_rest(&mut self) -> Result<(), Fault> {
        self.session.open().await?;
        let until = Instant::now() + PATIENCE;
        while !self.session.view().is_settled() {
            let settled = tokio::time::timeout_at(until.into(), self.session.receive()).await;
            let settled = settled.map_err(|_| "mutations or subscriptions were never answered")?;
            self.settle(settled?).await?;
        }
        Ok(())
    }

    /// Compares every subscription with a fresh query, until all of them agree. Gives how many there are.
    pub(crate) async fn compare(mut self) -> Result<usize, Fault> {
        let until = Instant::now() + PATIENCE;
        let mut client = self.client().await?;
        while let Some(difference) = self.difference(&mut client).await? {
            let settled = tokio::time::timeout_at(until.into(), self.session.receive()).await;
            self.settle(settled.map_err(|_| difference)??).await?;
        }
        Ok(self.session.view().queries().len())
    }

    /// The first subscription that differs from a fresh query.
    async fn difference(&self, client: &mut Client) -> Result<Option<String>, Fault> {
        for query in self.session.view().queries().values() {
            let fresh: Value = serde_json::from_str(client.query(query.path, &query.arguments).await?)?;
            let live: Value = serde_json::from_str(query.value.as_deref().unwrap_or_default())?;
            if live != fresh {
                let Query { path, arguments, .. } = query;
                return Ok(Some(format!(
                    "{path} {arguments} is {fresh}, but the socket says {live}"
                )));
            }
        }
        Ok(None)
    }

    async fn client(&self) -> Result<Client, Fault> {
        let token = match &self.person {
            Person::Visitor(_) => None,
            Person::Agent(agent) => Some(agent.token.as_str()),
        };
        Client::connect(&self.address, token).await
    }
}

/// Between one act and the next.
fn pause() -> Duration {
    Duration::from_millis(rand::rng().random_range(1000..5000))
}
