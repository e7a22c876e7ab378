//! Functions of the tests' own, for what no real one does on request: wait, fail, count its runs, give odd or large
//! results. They keep notes in books.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use opencom_contract::function::{Access, Descriptor, Who};
use opencom_contract::{Function, Kind};
use opencom_core::{Error, Int, Result};
use opencom_runtime::topic::Hashed;
use opencom_runtime::{ActionCx, Caller, Handle, MutationCx, QueryCx, Registry, Topic};
use opencom_testkit::Settings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use validator::Validate;

use crate::kit::Edge;
use crate::wire::Wire;

macro_rules! functions {
    ($($(#[$doc:meta])* $request:ident { $($field:ident: $type:ty),* } = $kind:ident $path:literal -> $output:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Serialize, Deserialize, Validate, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct $request { $($field: $type),* }

        impl Function for $request {
            type Output = $output;
            type Kind = opencom_contract::function::$kind;
            const DESCRIPTOR: Descriptor = Descriptor {
                path: $path,
                kind: Kind::$kind,
                access: Access::only(Who::Anyone),
                nulls_in: &["value", "paginationOpts"],
                takes_session_token: false,
                arguments_schema: |generator| generator.subschema_for::<$request>(),
                output_schema: |generator| generator.subschema_for::<$output>(),
            };
        }
    )*};
}

functions! {
    /// The notes of a book, in order. Counts its runs.
    List { book: String } = Query "notes:list" -> Vec<String>;
    /// The first note of a book that has one.
    First { book: String } = Query "notes:first" -> String;
    /// As many times the same character as asked for, and how many notes the book has.
    Large { book: String, character: String, times: Int } = Query "notes:large" -> (String, Int);
    /// Waits at the gate, then says who asked.
    WhoSlowly { book: String } = Query "notes:whoSlowly" -> String;
    /// Always refused, with data.
    Missing { value: Value } = Query "notes:missing" -> ();
    /// A page of a book's notes, by their text. Where the page ends is kept in the journal.
    Page { book: String, pagination_opts: Value } = Query "notes:page" -> Value;
    /// What it is given.
    Echo { value: Value } = Query "notes:echo" -> Value;
    /// An object with one key, which may be any.
    Odd { key: String } = Query "notes:odd" -> Value;
    /// Adds a note and gives its number in the book.
    Add { book: String, text: String } = Mutation "notes:add" -> Int;
    /// Adds a note to two books at once.
    AddToBoth { one: String, other: String, text: String } = Mutation "notes:addToBoth" -> ();
    /// Adds a note, for a book that has one already.
    Append { book: String, text: String } = Mutation "notes:append" -> Int;
    /// Adds a note after waiting at the gate. Its text is who asked.
    SignSlowly { book: String } = Mutation "notes:signSlowly" -> Int;
    /// Adds a note, then refuses.
    AddInVain { book: String } = Mutation "notes:addInVain" -> ();
    /// Panics.
    PanicQuery {} = Query "notes:panicQuery" -> ();
    /// Adds a note and panics.
    PanicMutation { book: String } = Mutation "notes:panicMutation" -> ();
    /// Panics.
    PanicAction {} = Action "notes:panicAction" -> ();
    /// Fails.
    Fail {} = Action "notes:fail" -> ();
    /// Waits at the gate.
    Wait {} = Action "notes:wait" -> String;
}

/// What the functions share.
#[derive(Default)]
pub(crate) struct Notes {
    /// How often `notes:list` ran.
    pub(crate) runs: AtomicUsize,
    /// A function goes through the gate for each permit.
    pub(crate) gate: Gate,
}

/// Where functions wait until the test lets them go on.
pub(crate) struct Gate {
    waiting: Semaphore,
    passes: Semaphore,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            waiting: Semaphore::new(0),
            passes: Semaphore::new(0),
        }
    }
}

impl Gate {
    async fn pass(&self) {
        self.waiting.add_permits(1);
        self.passes.acquire().await.unwrap().forget();
    }

    /// Returns once `count` more functions have come to the gate.
    pub(crate) async fn reached_by(&self, count: u32) {
        self.waiting.acquire_many(count).await.unwrap().forget();
    }

    /// Lets `count` functions through.
    pub(crate) fn open(&self, count: usize) {
        self.passes.add_permits(count);
    }
}

/// A server that has the notes too, and what they share.
pub(crate) async fn serve() -> (Wire, Arc<Notes>) {
    serve_with(Edge::default()).await
}

/// The same, with other settings.
pub(crate) async fn serve_with(edge: Edge) -> (Wire, Arc<Notes>) {
    let notes = Arc::new(Notes::default());
    let shared = Arc::clone(&notes);
    let settings = Settings {
        functions: Some(Arc::new(move |registry| {
            register(registry, &shared);
            Ok(())
        })),
        ..Settings::default()
    };
    let wire = Wire::start_edge(settings, edge).await;
    diesel::sql_query("CREATE TABLE notes (id bigserial PRIMARY KEY, book text NOT NULL, text text NOT NULL)")
        .execute(&mut wire.kit.connection().await)
        .await
        .unwrap();
    (wire, notes)
}

fn register(registry: &mut Registry, notes: &Arc<Notes>) {
    registry.function::<List, _>(notes);
    registry.function::<First, _>(notes);
    registry.function::<Large, _>(notes);
    registry.function::<WhoSlowly, _>(notes);
    registry.function::<Page, _>(notes);
    registry.function::<Missing, _>(notes);
    registry.function::<Echo, _>(notes);
    registry.function::<Odd, _>(notes);
    registry.function::<Add, _>(notes);
    registry.function::<AddToBoth, _>(notes);
    registry.function::<Append, _>(notes);
    registry.function::<SignSlowly, _>(notes);
    registry.function::<AddInVain, _>(notes);
    registry.function::<PanicQuery, _>(notes);
    registry.function::<PanicMutation, _>(notes);
    registry.function::<PanicAction, _>(notes);
    registry.function::<Fail, _>(notes);
    registry.function::<Wait, _>(notes);
}

impl Handle<List> for Notes {
    async fn handle(&self, cx: &mut QueryCx, list: List) -> Result<<List as Function>::Output> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        texts(cx, &list.book).await
    }
}

impl Handle<First> for Notes {
    async fn handle(&self, cx: &mut QueryCx, first: First) -> Result<<First as Function>::Output> {
        let first = texts(cx, &first.book).await?.into_iter().next();
        first.ok_or_else(|| Error::not_found("Note"))
    }
}

impl Handle<Large> for Notes {
    async fn handle(&self, cx: &mut QueryCx, large: Large) -> Result<<Large as Function>::Output> {
        let times = usize::try_from(large.times.0).map_err(Error::internal)?;
        Ok((
            large.character.repeat(times),
            texts(cx, &large.book).await?.len().into(),
        ))
    }
}

impl Handle<WhoSlowly> for Notes {
    async fn handle(&self, cx: &mut QueryCx, who: WhoSlowly) -> Result<<WhoSlowly as Function>::Output> {
        cx.read(topic(&who.book));
        self.gate.pass().await;
        Ok(name(cx))
    }
}

impl Handle<Page> for Notes {
    async fn handle(&self, cx: &mut QueryCx, page: Page) -> Result<<Page as Function>::Output> {
        self::page(cx, &page).await
    }
}

impl Handle<Missing> for Notes {
    async fn handle(&self, _: &mut QueryCx, _: Missing) -> Result<<Missing as Function>::Output> {
        Err(Error::not_found("Note"))
    }
}

impl Handle<Echo> for Notes {
    async fn handle(&self, _: &mut QueryCx, echo: Echo) -> Result<<Echo as Function>::Output> {
        Ok(echo.value)
    }
}

impl Handle<Odd> for Notes {
    async fn handle(&self, _: &mut QueryCx, odd: Odd) -> Result<<Odd as Function>::Output> {
        Ok(json!({ odd.key: 1.0 }))
    }
}

impl Handle<Add> for Notes {
    async fn handle(&self, cx: &mut MutationCx, add: Add) -> Result<<Add as Function>::Output> {
        insert(cx, &add.book, &add.text).await
    }
}

impl Handle<AddToBoth> for Notes {
    async fn handle(&self, cx: &mut MutationCx, add: AddToBoth) -> Result<<AddToBoth as Function>::Output> {
        insert(cx, &add.one, &add.text).await?;
        insert(cx, &add.other, &add.text).await?;
        Ok(())
    }
}

impl Handle<Append> for Notes {
    async fn handle(&self, cx: &mut MutationCx, append: Append) -> Result<<Append as Function>::Output> {
        if texts(cx, &append.book).await?.is_empty() {
            return Err(Error::not_found("Book"));
        }
        insert(cx, &append.book, &append.text).await
    }
}

impl Handle<SignSlowly> for Notes {
    async fn handle(&self, cx: &mut MutationCx, sign: SignSlowly) -> Result<<SignSlowly as Function>::Output> {
        self.gate.pass().await;
        let text = name(cx);
        insert(cx, &sign.book, &text).await
    }
}

impl Handle<AddInVain> for Notes {
    async fn handle(&self, cx: &mut MutationCx, add: AddInVain) -> Result<<AddInVain as Function>::Output> {
        insert(cx, &add.book, "in vain").await?;
        Err(Error::rate_limited("slow down", 1000))
    }
}

impl Handle<PanicQuery> for Notes {
    async fn handle(&self, _: &mut QueryCx, _: PanicQuery) -> Result<<PanicQuery as Function>::Output> {
        panic!("as asked")
    }
}

impl Handle<PanicMutation> for Notes {
    async fn handle(&self, cx: &mut MutationCx, add: PanicMutation) -> Result<<PanicMutation as Function>::Output> {
        insert(cx, &add.book, "in vain").await?;
        panic!("as asked")
    }
}

impl Handle<PanicAction> for Notes {
    async fn handle(&self, _: &mut ActionCx, _: PanicAction) -> Result<<PanicAction as Function>::Output> {
        panic!("as asked")
    }
}

impl Handle<Fail> for Notes {
    async fn handle(&self, _: &mut ActionCx, _: Fail) -> Result<<Fail as Function>::Output> {
        Err(Error::not_authorized("boom"))
    }
}

impl Handle<Wait> for Notes {
    async fn handle(&self, _: &mut ActionCx, _: Wait) -> Result<<Wait as Function>::Output> {
        self.gate.pass().await;
        Ok("through".to_owned())
    }
}

/// The notes of a book.
fn topic(book: &str) -> Topic {
    Topic::new("test.notes_of_book", Hashed::text(book))
}

fn name(cx: &QueryCx) -> String {
    match cx.caller() {
        Caller::Anonymous => "nobody".to_owned(),
        Caller::Agent(identity) => identity.user.to_string(),
    }
}

async fn texts(cx: &mut QueryCx, book: &str) -> Result<Vec<String>> {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        text: String,
    }
    cx.read(topic(book));
    let rows: Vec<Row> = diesel::sql_query("SELECT text FROM notes WHERE book = $1 ORDER BY id")
        .bind::<Text, _>(book)
        .get_results(cx.connection().await?)
        .await?;
    Ok(rows.into_iter().map(|row| row.text).collect())
}

async fn page(cx: &mut QueryCx, page: &Page) -> Result<Value> {
    let options = &page.pagination_opts;
    let after = options["cursor"].as_str().unwrap_or_default();
    let end = cx
        .journal()
        .and_then(|journal| journal.strip_prefix("end="))
        .map(str::to_owned);
    let mut rest = texts(cx, &page.book).await?;
    rest.sort_unstable();
    rest.retain(|text| text.as_str() > after);
    let length = match &end {
        Some(end) => rest.iter().take_while(|text| *text <= end).count(),
        None => rest
            .len()
            .min(options["numItems"].as_f64().map_or(0, |items| items as usize)),
    };
    let is_done = length == rest.len();
    rest.truncate(length);
    let continue_cursor = if is_done {
        "end".to_owned()
    } else {
        rest[length - 1].clone()
    };
    if !is_done {
        cx.keep_journal(format!("end={continue_cursor}"));
    }
    Ok(json!({ "page": rest, "isDone": is_done, "continueCursor": continue_cursor }))
}

async fn insert(cx: &mut MutationCx, book: &str, text: &str) -> Result<Int> {
    // One writer of a book at a time, so that the order of the notes is the order of the commits.
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtext($1))")
        .bind::<Text, _>(book)
        .execute(cx.connection().await?)
        .await?;
    diesel::sql_query("INSERT INTO notes (book, text) VALUES ($1, $2)")
        .bind::<Text, _>(book)
        .bind::<Text, _>(text)
        .execute(cx.connection().await?)
        .await?;
    cx.write(topic(book));
    Ok(texts(cx, book).await?.len().into())
}
