//! A long run: clients as npm's come and go, subscribe and write. At the end every view must be what a fresh query
//! gives, every mutation must have happened once, and the server must not have grown.

mod actor;
mod session;
mod view;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use self::actor::{Actor, Current, Person};
use self::session::Tally;
use crate::server::{Gateway, Launch, Place, database};
use crate::socket::allow_sockets;
use crate::{Fault, Settings, data, people};

/// Sockets, unless told otherwise.
const SOCKETS: usize = 1000;
const WORKSPACES: usize = 5;
/// Agents of each workspace.
const AGENTS: usize = 2;
/// One socket of so many is an agent's.
const AGENTS_SHARE: usize = 20;
/// Of so many visitors, one has a second tab.
const SECOND_TABS: usize = 5;
/// Between looks at the server's memory.
const LOOK: Duration = Duration::from_secs(5);
const MINUTE: Duration = Duration::from_secs(60);
/// How much the server may grow between its third minute, when everything has been used once, and its last one.
const GROWTH: f64 = 1.15;
/// Minutes from which on growth means something.
const LONG: u32 = 5;

/// The flags of the soak.
#[derive(clap::Args, Clone)]
pub(crate) struct Soak {
    /// How long clients come and go. Agents' tokens are good for an hour.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=50))]
    minutes: u32,
    #[command(flatten)]
    settings: Settings,
}

/// Runs the soak.
pub(crate) async fn run(soak: &Soak) -> Result<(), Fault> {
    let settings = &soak.settings;
    let sockets = settings.sockets.unwrap_or(SOCKETS);
    // Those that are left behind stay open for a while.
    allow_sockets(2 * sockets)?;
    let place = Place::new(settings)?;
    let postgres = database(&place).await?;
    let url = postgres.url("opencom");
    let launch = Launch {
        database: Some(&url),
        ..Launch::default()
    };
    let gateway = Gateway::start(settings, &place, launch).await?;
    gateway.expect_room_for(2 * sockets)?;

    let tally = Arc::new(Tally::default());
    let (actors, visitors) = cast(settings, &gateway.address, &url, sockets, &tally).await?;
    let (actors, memory) = live(actors, &gateway, soak.minutes, &tally).await?;
    eprintln!("writes have stopped");
    let actors = all(actors.into_iter().map(Actor::rest)).await?;
    let views: usize = all(actors.into_iter().map(Actor::compare)).await?.into_iter().sum();
    eprintln!("{views} views of {sockets} sockets are what a fresh query gives");
    check(&url, &tally, visitors).await?;
    judge(&memory, soak.minutes)?;
    gateway.stop().await?;
    postgres.stop().await?;
    Ok(())
}

/// Everybody, and how many of them are visitors by themselves.
async fn cast(
    settings: &Settings,
    address: &str,
    url: &str,
    sockets: usize,
    tally: &Arc<Tally>,
) -> Result<(Vec<Actor>, usize), Fault> {
    let address: Arc<str> = address.into();
    let mut actors = Vec::with_capacity(sockets);
    let mut booted = 0;
    for workspace in 0..WORKSPACES {
        let sockets = (workspace..sockets).step_by(WORKSPACES).count();
        let agents = people::agents(&address, url, &format!("soak_{workspace}"), AGENTS).await?;
        let of_agents = sockets.div_ceil(AGENTS_SHARE);
        let of_visitors = sockets - of_agents;
        let visitors = of_visitors - of_visitors / (SECOND_TABS + 1);
        let visitors = people::visitors(&address, agents[0].workspace_id, settings.clients, visitors).await?;
        booted += visitors.len();
        let current: Arc<Current> = Arc::new(Mutex::new(visitors.clone()));
        let mut join = |person, place| actors.push(Actor::new(person, place, &address, &current, tally));
        for number in 0..of_visitors {
            let place = number % visitors.len();
            join(Person::Visitor(visitors[place].clone()), place);
        }
        for number in 0..of_agents {
            join(Person::Agent(agents[number % AGENTS].clone()), 0);
        }
    }
    Ok((actors, booted))
}

/// Runs all of these; the first that fails ends it.
async fn all<T: Send + 'static>(
    work: impl Iterator<Item = impl Future<Output = Result<T, Fault>> + Send + 'static>,
) -> Result<Vec<T>, Fault> {
    let mut running: JoinSet<_> = work.collect();
    let mut done = Vec::with_capacity(running.len());
    while let Some(outcome) = running.join_next().await {
        done.push(outcome??);
    }
    Ok(done)
}

/// Lets everybody live, tells how it goes, and gives the server's memory over time.
async fn live(
    actors: Vec<Actor>,
    gateway: &Gateway,
    minutes: u32,
    tally: &Tally,
) -> Result<(Vec<Actor>, Vec<(Duration, u64)>), Fault> {
    eprintln!("{} sockets come and go for {minutes} min", actors.len());
    let began = Instant::now();
    let until = began + MINUTE * minutes;
    let mut memory = Vec::new();
    let watch = async {
        let mut looks = tokio::time::interval(LOOK);
        let mut told = 0;
        loop {
            looks.tick().await;
            let resident = gateway.resident()?;
            memory.push((began.elapsed(), resident));
            let minute = began.elapsed().as_secs() / MINUTE.as_secs();
            if minute > told {
                told = minute;
                tell(minute, tally, resident);
            }
        }
    };
    let living = all(actors.into_iter().map(|actor| actor.live(until)));
    tokio::select! {
        actors = living => Ok((actors?, memory)),
        failed = watch => failed,
    }
}

fn tell(minute: u64, tally: &Tally, resident: u64) {
    let of = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    eprintln!(
        "minute {minute}: {} sockets open, {} connections so far, {} transitions, {} messages over sockets, {} over \
         HTTP, {} conversations, {} mutations sent again, {} MiB",
        of(&tally.open),
        of(&tally.connections),
        of(&tally.transitions),
        of(&tally.messages_over_sockets),
        of(&tally.messages_over_http),
        of(&tally.conversations),
        of(&tally.sent_again),
        resident >> 20
    );
}

/// Every acknowledged mutation is in the database once, and nothing else is.
async fn check(url: &str, tally: &Tally, visitors: usize) -> Result<(), Fault> {
    let messages =
        tally.messages_over_sockets.load(Ordering::Relaxed) + tally.messages_over_http.load(Ordering::Relaxed);
    let conversations = tally.conversations.load(Ordering::Relaxed) + u64::try_from(visitors)?;
    let stored = data::connect(url)
        .await?
        .query_one(
            "SELECT count(*), count(DISTINCT content), (SELECT count(*) FROM conversations)
             FROM messages WHERE content LIKE 'soak %'",
            &[],
        )
        .await?;
    let stored: Vec<i64> = (0..3).map(|column| stored.get(column)).collect();
    if stored
        != [
            i64::try_from(messages)?,
            i64::try_from(messages)?,
            i64::try_from(conversations)?,
        ]
    {
        return Err(format!(
            "{messages} messages and {conversations} conversations were acknowledged; stored messages, texts and \
             conversations: {stored:?}"
        )
        .into());
    }
    eprintln!("{messages} messages and {conversations} conversations, each acknowledged and there once");
    Ok(())
}

/// The server's memory stays what it was.
fn judge(memory: &[(Duration, u64)], minutes: u32) -> Result<(), Fault> {
    let mean = |from: Duration, to: Duration| {
        let within = memory.iter().filter(|(at, _)| (from..to).contains(at));
        let (count, sum) = within.fold((0, 0), |(count, sum), (_, bytes)| (count + 1, sum + bytes));
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        let mean = sum as f64 / f64::from(count) / f64::from(1 << 20);
        mean
    };
    if minutes < LONG {
        eprintln!("growth is judged from {LONG} min on");
        return Ok(());
    }
    let early = mean(MINUTE * 2, MINUTE * 3);
    let late = mean(MINUTE * (minutes - 1), MINUTE * minutes);
    eprintln!("memory: {early:.0} MiB in the third minute, {late:.0} MiB in the last one");
    if late > early * GROWTH {
        return Err("the server has grown".into());
    }
    Ok(())
}
