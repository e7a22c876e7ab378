//! Search in many articles, by what is looked for: what is common is found by another way than what is rare. Beside it
//! nearest neighbours.

use opencom_contract::articles;
use opencom_core::id::WorkspaceId;
use opencom_help_center::articles::fragments;
use rand::RngExt;
use tokio_postgres::Client as Database;
use uuid::Uuid;

use crate::client::{Client, is_success};
use crate::people::sign_up;
use crate::report::{self, LiveRow};
use crate::server::{Gateway, Launch, Place, database};
use crate::{Fault, Settings, data, load, near};

/// What the slowest of a hundred searches may take.
const TARGET_MS: f64 = 20.0;
/// Articles made by one statement.
const BATCH: u64 = 10_000;

/// Makes a query of two words that articles have.
type Make = fn(&str, &str) -> String;

/// What people type.
const QUERIES: [(&str, Make); 6] = [
    ("articles:search, a word", |word, _| word.to_owned()),
    ("articles:search, the beginning of a word", |word, _| {
        word.chars().take(4).collect()
    }),
    ("articles:search, three letters", |word, _| {
        word.chars().take(3).collect()
    }),
    ("articles:search, two words apart", |word, other| {
        format!("{word} {other}")
    }),
    ("articles:search, a misspelt word", |word, _| {
        let (start, end) = word.split_at(2);
        format!("{start}q{end}")
    }),
    ("articles:search, nothing that is there", |word, other| {
        format!("zz{word}yy{other}")
    }),
];

/// Measures every kind of query, and nearest neighbours, and prints the table.
pub(crate) async fn run(settings: &Settings) -> Result<(), Fault> {
    let place = Place::new(settings)?;
    let postgres = database(&place).await?;
    let url = postgres.url("opencom");
    let connection = data::connect(&url).await?;
    let mut rows = Vec::new();
    if settings.wants("nDCG") {
        let launch = Launch {
            flags: &["--rate-limits", "off"],
            ..Launch::calls(&url)
        };
        let gateway = Gateway::start(settings, &place, launch).await?;
        rows.extend(near::judge(&gateway.address, &url, &connection).await?);
        gateway.kill().await?;
    }
    // A few hands searching as fast as they are answered would be limited.
    let flags = ["--role", "api", "--rate-limits", "off"];
    let launch = Launch {
        flags: &flags,
        ..Launch::calls(&url)
    };
    let gateway = Gateway::start(settings, &place, launch).await?;
    let agent = sign_up(&gateway.address, "bench").await?;
    generate(&connection, agent.workspace_id, settings.articles).await?;
    let words = words(&connection).await?;
    let any = || words[rand::rng().random_range(0..words.len())].as_str();
    if settings.wants("nearest") {
        rows.extend(near::measure(settings, &url, &connection, agent.workspace_id, &words).await?);
    }
    for (name, make) in QUERIES.iter().filter(|(name, _)| settings.wants(name)) {
        let connect = async || Client::connect(&gateway.address, None).await;
        let one = async |client: &mut Client| {
            let request = articles::Search::builder()
                .workspace_id(agent.workspace_id)
                .query(make(any(), any()))
                .published_only(true)
                .visibility(articles::Visibility::Public)
                .build();
            let body = client.raw(&request).await?;
            if is_success(body) {
                Ok(())
            } else {
                Err(String::from_utf8_lossy(body).into())
            }
        };
        let outcome = load::run(1, settings.time(), &connect, &one).await?;
        let is_good = outcome.p99.as_secs_f64() * 1000.0 <= TARGET_MS;
        rows.push(LiveRow {
            name: (*name).to_owned(),
            per_second: Some(outcome.per_second),
            times: Some((outcome.p50, outcome.p99)),
            result: if is_good { "good" } else { "slow" }.to_owned(),
            target: format!("{TARGET_MS} ms"),
        });
    }
    report::print_live(&rows);
    gateway.kill().await?;
    postgres.stop().await?;
    Ok(())
}

/// Fills the help center.
async fn generate(connection: &Database, workspace: WorkspaceId, articles: u64) -> Result<(), Fault> {
    let mut done = 0;
    // Made once everything is there, as after an import.
    let made: String = connection
        .query_one(
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'articles_fragments'",
            &[],
        )
        .await?
        .get(0);
    connection.batch_execute("DROP INDEX articles_fragments").await?;
    while done < articles {
        let next = (done + BATCH).min(articles);
        let script = include_str!("../sql/articles.sql")
            .replace(":workspace", &format!("'{}'::uuid", workspace.uuid()))
            .replace(":from", &(done + 1).to_string())
            .replace(":to", &next.to_string());
        connection.batch_execute(&script).await?;
        gather(connection, workspace).await?;
        done = next;
        eprint!("\rgenerating: {done} of {articles} articles   ");
    }
    eprintln!();
    connection.batch_execute(&made).await?;
    connection.batch_execute("VACUUM ANALYZE articles").await?;
    Ok(())
}

/// Gathers the fragments of the articles that have none, as the server does when it writes them.
async fn gather(connection: &Database, workspace: WorkspaceId) -> Result<(), Fault> {
    let bare = "SELECT id, title_lower, content_lower FROM articles WHERE workspace_id = $1 AND fragments IS NULL";
    // One commit for all of them: each waits for the disk.
    connection.batch_execute("BEGIN").await?;
    for row in connection.query(bare, &[&workspace.uuid()]).await? {
        let (id, title, content): (Uuid, String, String) = (row.get(0), row.get(1), row.get(2));
        let fragments = fragments::of(workspace, &title, &content);
        connection
            .execute("UPDATE articles SET fragments = $2 WHERE id = $1", &[&id, &fragments])
            .await?;
    }
    connection.batch_execute("COMMIT").await?;
    Ok(())
}

/// Some of the words that articles have.
async fn words(connection: &Database) -> Result<Vec<String>, Fault> {
    let rows = connection
        .query("SELECT word FROM article_words ORDER BY md5(word) LIMIT 2000", &[])
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
