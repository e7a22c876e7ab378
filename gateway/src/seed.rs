//! `opencom seed-demo`: a workspace as it looks after a month of use, made through the ordinary functions on a clock that
//! is set back and moves on with the story.

mod story;

use std::io::{IsTerminal, Write as _};
use std::sync::Arc;

use diesel_async::{AsyncConnection, AsyncPgConnection};
use opencom_contract::auth::{CurrentUser, SignIn, SignInResult};
use opencom_contract::{Function, articles, collections, conversations, messages, snippets, tags, tickets};
use opencom_contract::{visitors, widget_sessions, workspace_members};
use opencom_core::auth::jwt::AgentIdentity;
use opencom_core::auth::token;
use opencom_core::id::{ConversationId, TagId, VisitorId, WorkspaceId};
use opencom_core::{Error, Millis, Result};
use opencom_runtime::handle::UnitOfWork;
use opencom_runtime::limits::Quotas;
use opencom_runtime::{Caller, Clock, Dispatcher, Pool, bus, database};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use self::story::{Person, Story, Topic};
use crate::compose::App;
use crate::config::SeedDemo;
use crate::internal_calls::{self, call};
use crate::program::print;
use crate::setup::{Database, Fault, check, compose};

/// How long ago the workspace was made, in milliseconds.
const AGO: i64 = 28 * Millis::DAY;
/// After how long the first conversation comes.
const PREPARATION: i64 = 2 * Millis::DAY;
/// The share of conversations, in a hundred, that are open still: the latest ones.
const OPEN: usize = 20;

/// Makes the workspace, tells how far it is, and how to sign in.
pub(crate) async fn run(command: SeedDemo) -> Result<(), Fault> {
    let SeedDemo {
        conversations,
        seed,
        mut config,
    } = command;
    // The whole month happens within seconds.
    config.rate_limits = Quotas::OFF;
    let checked = check(&config)?;
    let database = Database::reach(&config).await?;
    database::migrate(&database.url).await?;
    let app = compose(&config, checked, &database.url).await?;
    let mut seeding = Seeding::start(&app, Pool::new(&database.url, 2)?, story::read()?, seed).await?;
    seeding.prepare().await?;
    seeding.converse(conversations.try_into()?).await?;
    // What the functions left to do is the server's: here the providers may be others, and jobs of others wait too.
    let connection = &mut AsyncPgConnection::establish(&database.url).await?;
    // Servers that run heard nothing of all this.
    bus::tell_everything(connection).await?;
    let Seeding {
        story,
        workspace,
        agents,
        password,
        ..
    } = &seeding;
    let people: String = agents
        .iter()
        .map(|agent| format!("  {:<8} {}\n", agent.role, agent.email))
        .collect();
    print(&format!(
        "The workspace {} of {} is there, with {conversations} conversations. Sign in with the password {password} as\n{people}",
        workspace, story.company
    ))?;
    database.close().await
}

/// Somebody who answers.
struct Agent {
    email: String,
    role: String,
    identity: AgentIdentity,
}

/// A workspace in the making.
struct Seeding {
    story: Arc<Story>,
    clock: Clock,
    dispatcher: Dispatcher,
    random: StdRng,
    workspace: WorkspaceId,
    /// The first one administers the workspace.
    agents: Vec<Agent>,
    password: String,
    tags: Vec<(String, TagId)>,
}

impl Seeding {
    /// Goes back in time and signs the agents up.
    async fn start(app: &App, pool: Pool, story: Story, seed: u64) -> Result<Self> {
        let clock = app.server().clock.clone();
        clock.advance(-AGO);
        let dispatcher = app.dispatcher.on(pool);
        let password = hex::encode(token::random::<8>()?);
        // Addresses belong to one account each, and there may be other workspaces like this.
        let tail = hex::encode(token::random::<3>()?);
        let (mut agents, mut workspace) = (Vec::new(), None);
        for agent in &story.agents {
            let email = format!("{}.{tail}@demo.invalid", first_name(&agent.name).to_lowercase());
            let arguments = json!({ "provider": "password", "params": {
                "flow": "signUp", "email": email, "password": password, "name": agent.name, "workspaceName": story.company,
            } });
            let signed_in = call::<SignIn>(&dispatcher, &arguments, Caller::Anonymous).await?;
            let SignInResult::Tokens { tokens: Some(tokens) } = signed_in else {
                return Err(Error::internal("nobody was signed in"));
            };
            let identity = internal_calls::identity(app, &tokens)?;
            match (&workspace, agents.first()) {
                (Some(workspace), Some(Agent { identity: first, .. })) => {
                    let arguments = json!({ "userId": identity.user, "workspaceId": workspace, "role": agent.role });
                    call::<workspace_members::Add>(&dispatcher, &arguments, Caller::Agent(*first)).await?;
                }
                _ => workspace = own_workspace(&dispatcher, identity).await?,
            }
            agents.push(Agent {
                email,
                role: agent.role.clone(),
                identity,
            });
        }
        Ok(Self {
            story: Arc::new(story),
            clock,
            dispatcher,
            random: StdRng::seed_from_u64(seed),
            workspace: workspace.ok_or_else(|| Error::not_found("The workspace"))?,
            agents,
            password,
            tags: Vec::new(),
        })
    }

    /// Tags, snippets and the help center.
    async fn prepare(&mut self) -> Result<()> {
        let (story, workspace, caller) = (Arc::clone(&self.story), self.workspace, self.agent(0));
        for tag in &story.tags {
            let arguments = json!({ "workspaceId": workspace, "name": tag.name, "color": tag.color });
            let id = self.call::<tags::Create>(arguments, caller).await?;
            self.tags.push((tag.name.clone(), id));
        }
        for snippet in &story.snippets {
            let arguments = json!({
                "workspaceId": workspace, "name": snippet.name, "content": snippet.content, "shortcut": snippet.shortcut,
            });
            self.call::<snippets::Create>(arguments, caller).await?;
        }
        let articles: usize = story
            .collections
            .iter()
            .map(|collection| collection.articles.len())
            .sum();
        let mut progress = Progress::of("articles", articles);
        let pause = PREPARATION / i64::try_from(articles + 1).map_err(Error::internal)?;
        for collection in &story.collections {
            let arguments = json!({
                "workspaceId": workspace, "name": collection.name, "icon": collection.icon,
                "description": collection.description,
            });
            let id = self.call::<collections::Create>(arguments, caller).await?;
            for article in &collection.articles {
                self.clock.advance(pause);
                let arguments = json!({
                    "workspaceId": workspace, "title": article.title, "content": article.content, "collectionId": id,
                });
                let article = self.call::<articles::Create>(arguments, caller).await?;
                self.call::<articles::Publish>(json!({ "id": article }), caller).await?;
                for _ in 0..self.random.random_range(3..20) {
                    let arguments = json!({ "articleId": article, "helpful": self.random.random_bool(0.8) });
                    self.call::<articles::SubmitFeedback>(arguments, Caller::Anonymous)
                        .await?;
                }
                progress.one_more();
            }
        }
        for draft in &story.drafts {
            let arguments = json!({ "workspaceId": workspace, "title": draft.title, "content": draft.content });
            self.call::<articles::Create>(arguments, caller).await?;
        }
        Ok(())
    }

    /// Conversations, evenly over the time that is left.
    async fn converse(&mut self, count: usize) -> Result<()> {
        let mut progress = Progress::of("conversations", count);
        let left = i64::try_from(count + 1).map_err(Error::internal)?;
        let pause = (AGO - PREPARATION - Millis::HOUR) / left;
        let begin = self.clock.now();
        for number in 0..count {
            let start = begin.plus(pause * i64::try_from(number).map_err(Error::internal)?);
            // A long conversation may have reached beyond the start of the next.
            self.clock.advance((start.0 - self.clock.now().0).max(0));
            let open = (count - number) * 100 <= count * OPEN;
            self.conversation(number, open, pause).await?;
            progress.one_more();
        }
        Ok(())
    }

    /// One conversation, from the first message until it is closed, within `most` milliseconds.
    async fn conversation(&mut self, number: usize, open: bool, most: i64) -> Result<()> {
        let story = Arc::clone(&self.story);
        let topic = choose(&story.topics, &mut self.random)?;
        let person = choose(&story.people, &mut self.random)?;
        let (visitor, session_token) = self.visit(number, person, &topic.page).await?;
        let arguments = json!({ "workspaceId": self.workspace, "visitorId": visitor, "sessionToken": session_token });
        let opened = self
            .call::<conversations::CreateForVisitor>(arguments, Caller::Anonymous)
            .await?;
        let id = opened.id;
        // Whoever may answer: the last one of the story only looks on.
        let who = self.random.random_range(0..self.agents.len() - 1);
        let (caller, user) = (self.agent(who), self.agents[who].identity.user);
        // Of those that are open, every other waits for its first answer.
        let said = if open && number.is_multiple_of(2) {
            1
        } else {
            topic.messages.len()
        };
        let most = most / (2 * i64::try_from(topic.messages.len()).map_err(Error::internal)?);
        for (place, content) in topic.messages.iter().take(said).enumerate() {
            if place > 0 {
                let shortest = Millis::MINUTE.min(most.max(1));
                self.clock.advance(
                    self.random
                        .random_range(shortest..=most.clamp(shortest, 40 * Millis::MINUTE)),
                );
            }
            if place.is_multiple_of(2) {
                let arguments = json!({
                    "conversationId": id, "senderId": visitor, "senderType": "visitor", "content": content,
                    "visitorId": visitor, "sessionToken": session_token,
                });
                self.call::<messages::SendMessage>(arguments, Caller::Anonymous).await?;
            } else {
                if place == 1 {
                    let arguments = json!({ "id": id, "agentId": user });
                    self.call::<conversations::Assign>(arguments, caller).await?;
                }
                let arguments = json!({ "id": id, "readerType": "agent" });
                self.call::<conversations::MarkAsRead>(arguments, caller).await?;
                let arguments = json!({
                    "conversationId": id, "senderId": user, "senderType": "agent", "content": content,
                });
                self.call::<messages::SendMessage>(arguments, caller).await?;
            }
        }
        self.label(id, topic, caller).await?;
        if !open {
            let arguments = json!({ "id": id, "readerType": "agent" });
            self.call::<conversations::MarkAsRead>(arguments, caller).await?;
            let arguments = json!({ "id": id, "status": "closed" });
            self.call::<conversations::UpdateStatus>(arguments, caller).await?;
        }
        if let Some(subject) = &topic.ticket {
            let status = if open { "in_progress" } else { "resolved" };
            let arguments = json!({
                "workspaceId": self.workspace, "visitorId": visitor, "subject": subject, "description": topic.messages[0],
                "priority": choose(&["low", "normal", "high", "urgent"], &mut self.random)?,
            });
            let ticket = self.call::<tickets::Create>(arguments, caller).await?;
            let arguments = json!({ "id": ticket, "status": status, "assigneeId": user });
            self.call::<tickets::Update>(arguments, caller).await?;
        }
        Ok(())
    }

    /// Somebody opens the widget on a page.
    async fn visit(&mut self, number: usize, person: &Person, page: &str) -> Result<(VisitorId, String)> {
        let name = person
            .name
            .to_lowercase()
            .replace(|c: char| !c.is_ascii_alphanumeric(), ".");
        let site = "https://northwind-bikes.example";
        // Some come without saying who they are.
        let known = number % 5 != 4;
        let mut arguments = json!({
            "workspaceId": self.workspace,
            "sessionId": format!("demo-{}-{}", self.workspace, if known { name.clone() } else { number.to_string() }),
            "currentUrl": format!("{site}{page}"),
            "location": { "city": person.city, "country": person.country, "countryCode": person.code },
            "device": choose(&self.story.devices, &mut self.random)?,
        });
        if known {
            arguments["name"] = person.name.as_str().into();
            arguments["email"] = format!("{name}@customer.invalid").into();
            arguments["customAttributes"] = json!({ "company": person.company, "plan": person.plan });
        }
        let booted = self.call::<widget_sessions::Boot>(arguments, Caller::Anonymous).await?;
        let arguments = json!({ "visitorId": booted.visitor.id, "sessionToken": booted.session_token });
        self.call::<visitors::Heartbeat>(arguments, Caller::Anonymous).await?;
        Ok((booted.visitor.id, booted.session_token))
    }

    async fn label(&self, id: ConversationId, topic: &Topic, caller: Caller) -> Result<()> {
        let tag = self.tags.iter().find(|(name, _)| Some(name) == topic.tag.as_ref());
        if let Some((_, tag)) = tag {
            let arguments = json!({ "conversationId": id, "tagId": tag });
            self.call::<tags::AddToConversation>(arguments, caller).await?;
        }
        Ok(())
    }

    fn agent(&self, place: usize) -> Caller {
        Caller::Agent(self.agents[place].identity)
    }

    async fn call<F: Function<Kind: UnitOfWork>>(&self, arguments: Value, caller: Caller) -> Result<F::Output> {
        call::<F>(&self.dispatcher, &arguments, caller).await
    }
}

/// The workspace that somebody's sign-up made.
async fn own_workspace(dispatcher: &Dispatcher, identity: AgentIdentity) -> Result<Option<WorkspaceId>> {
    let me = call::<CurrentUser>(dispatcher, &CurrentUser::default(), Caller::Agent(identity)).await?;
    Ok(me.and_then(|me| me.user.workspace_id))
}

fn first_name(name: &str) -> &str {
    name.split(' ').next().unwrap_or(name)
}

fn choose<'a, T>(from: &'a [T], random: &mut StdRng) -> Result<&'a T> {
    from.choose(random)
        .ok_or_else(|| Error::internal("the story has nothing to choose from"))
}

/// Tells on a terminal how far something is.
struct Progress {
    what: &'static str,
    done: usize,
    all: usize,
}

impl Progress {
    fn of(what: &'static str, all: usize) -> Self {
        Self { what, done: 0, all }
    }

    fn one_more(&mut self) {
        self.done += 1;
        let (mut out, last) = (std::io::stderr(), self.done == self.all);
        if out.is_terminal() {
            let end = if last { "\n" } else { "\r" };
            // Whoever closed the terminal wants no progress.
            let _ = write!(out, "{} of {} {} {end}", self.done, self.all, self.what);
        } else if last {
            let _ = writeln!(out, "{} {} made", self.all, self.what);
        }
    }
}
