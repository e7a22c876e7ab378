//! Nearest neighbours among many chunks, by the way that the product goes; and how good search and they are on the judged
//! queries.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use opencom_contract::articles::{self, ArticleRef};
use opencom_core::auth::seal::MasterKey;
use opencom_core::id::{ArticleId, ContentEmbeddingId, WorkspaceId};
use opencom_help_center::{HelpCenter, HelpCenterParts, embeddings};
use opencom_providers::embeddings::{EmbeddingsProvider, LocalNgrams};
use opencom_runtime::limits::{Quotas, RateLimits};
use opencom_runtime::timestamp::Timestamps;
use opencom_runtime::{Caller, Clock, Pool, QueryCx, Server, Topics};
use opencom_testkit::judged;
use rand::RngExt;
use tokio_postgres::Client as Database;

use crate::client::Client;
use crate::load;
use crate::people::{Agent, sign_up};
use crate::report::{LiveRow, ms};
use crate::{Fault, Settings};

/// What the slowest of a hundred may take.
const TARGET_MS: f64 = 50.0;
/// Chunks stored by one transaction.
const BATCH: u64 = 500;
/// Words of a chunk.
const WORDS: usize = 100;
/// Words that are looked for.
const LOOKED_FOR: usize = 3;
/// How many are asked for.
const ASKED: usize = 10;

/// How long the judged help center may take to have vectors.
const PATIENCE: Duration = Duration::from_secs(60);

/// A chunk, stored an hour ago: what is newer than some minutes is read again by each search.
const CHUNK: &str = "
    INSERT INTO content_embeddings (id, workspace_id, content_type, content_id, model, embedding, code, text_hash, title,
                                    snippet, created_at, updated_at)
    VALUES ($1, $2, 'article', $3, $4, $5, $6, '', $7, '', now() - interval '1 hour', now() - interval '1 hour')";

/// The help center within this process, on the database of the server under test.
struct Near {
    help_center: HelpCenter,
    server: Arc<Server>,
    pool: Pool,
}

impl Near {
    fn new(url: &str) -> Result<Self, Fault> {
        let clock = Clock::system();
        let server = Server {
            limits: RateLimits::new(&Quotas::OFF, &[], clock.clone())?,
            clock,
            topics: Arc::new(Topics::default()),
            master_key: MasterKey::new(&rand::random())?,
            timestamps: Timestamps::default(),
            public_url: String::new(),
            strict_visitors: false,
        };
        let help_center = HelpCenter::new(HelpCenterParts {
            search_language: "english".to_owned(),
            embeddings: Arc::new(LocalNgrams),
        });
        Ok(Self {
            help_center,
            server: Arc::new(server),
            pool: Pool::new(url, 1)?,
        })
    }

    /// The titles of the contents that are nearest to a vector.
    async fn find(&self, workspace: WorkspaceId, vector: &[f32]) -> Result<Vec<String>, Fault> {
        let cx = &mut QueryCx::new(
            Arc::clone(&self.server),
            Arc::default(),
            self.pool.clone(),
            Caller::Anonymous,
        );
        let found = self.help_center.nearest(cx, workspace, vector, &[], ASKED).await?;
        Ok(found.into_iter().map(|near| near.title).collect())
    }
}

/// Stores chunks of these words in a workspace and looks for the nearest ones: the first time, and then on and on.
pub(crate) async fn measure(
    settings: &Settings,
    url: &str,
    connection: &Database,
    workspace: WorkspaceId,
    words: &[String],
) -> Result<Vec<LiveRow>, Fault> {
    generate(connection, workspace, words, settings.chunks).await?;
    let near = Near::new(url)?;
    let queries: Vec<String> = (0..1000).map(|_| text(words, LOOKED_FOR)).collect();
    let vectors = vectors(&queries).await?;
    let any = || vectors[rand::rng().random_range(0..vectors.len())].as_slice();
    let started = Instant::now();
    near.find(workspace, any()).await?;
    let first = started.elapsed();
    let one = async |(): &mut ()| {
        let found = near.find(workspace, any()).await?;
        if found.len() as u64 == settings.chunks.min(ASKED as u64) {
            Ok(())
        } else {
            Err(format!("{} contents were found", found.len()).into())
        }
    };
    let outcome = load::run(1, settings.time(), &async || Ok(()), &one).await?;
    let is_good = outcome.p99.as_secs_f64() * 1000.0 < TARGET_MS;
    Ok(vec![
        LiveRow {
            name: format!("the first nearest neighbours of {} chunks", settings.chunks),
            per_second: None,
            times: None,
            result: format!("{} ms", ms(first)),
            target: String::new(),
        },
        LiveRow {
            name: format!("nearest neighbours of {} chunks", settings.chunks),
            per_second: Some(outcome.per_second),
            times: Some((outcome.p50, outcome.p99)),
            result: if is_good { "good" } else { "slow" }.to_owned(),
            target: format!("< {TARGET_MS} ms"),
        },
    ])
}

async fn generate(connection: &Database, workspace: WorkspaceId, words: &[String], chunks: u64) -> Result<(), Fault> {
    let statement = &connection.prepare(CHUNK).await?;
    let mut done = 0;
    while done < chunks {
        let next = (done + BATCH).min(chunks);
        let texts: Vec<String> = (done..next).map(|_| text(words, WORDS)).collect();
        let vectors = vectors(&texts).await?;
        connection.batch_execute("BEGIN").await?;
        let inserts = vectors.into_iter().zip(&texts).map(|(vector, text)| async move {
            let id = ContentEmbeddingId::generate().uuid();
            let content = ArticleId::generate().to_string();
            let title: String = text.chars().take(40).collect();
            let (model, code) = (LocalNgrams.model(None), embeddings::code(&vector));
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
                [&id, &workspace.uuid(), &content, &model, &vector, &code, &title];
            connection.execute(statement, &values).await
        });
        try_join_all(inserts).await?;
        connection.batch_execute("COMMIT").await?;
        done = next;
        eprint!("\rgenerating: {done} of {chunks} chunks   ");
    }
    eprintln!();
    connection.batch_execute("VACUUM ANALYZE content_embeddings").await?;
    Ok(())
}

/// So many of these words.
fn text(words: &[String], count: usize) -> String {
    let any = |_| words[rand::rng().random_range(0..words.len())].as_str();
    (0..count).map(any).collect::<Vec<_>>().join(" ")
}

async fn vectors(texts: &[String]) -> Result<Vec<Vec<f32>>, Fault> {
    Ok(LocalNgrams.embed(LocalNgrams.model(None), texts).await?)
}

/// How good the answers to the judged queries are. The server at this address runs jobs.
pub(crate) async fn judge(address: &str, url: &str, connection: &Database) -> Result<Vec<LiveRow>, Fault> {
    let agent = sign_up(address, "judge").await?;
    publish(address, &agent).await?;
    have_vectors(connection, agent.workspace_id).await?;
    let (mut client, near) = (Client::connect(address, None).await?, Near::new(url)?);
    let (mut searched, mut exact, mut nearest) = (Vec::new(), Vec::new(), Vec::new());
    for (query, answers) in judged::QUERIES {
        let request = articles::Search::builder()
            .workspace_id(agent.workspace_id)
            .query((*query).to_owned())
            .build();
        let found = client.call(&request).await?;
        let found: Vec<String> = found.into_iter().map(|article| article.title).collect();
        searched.push(judged::ndcg(&found, answers));
        exact.push(judged::ndcg(&judged::containing(query), answers));
        let vector = near.help_center.embed(query).await?;
        let found = near.find(agent.workspace_id, &vector).await?;
        nearest.push(judged::ndcg(&found, answers));
    }
    let row = |name: &str, reached: &[f64], target: String| LiveRow {
        name: format!("nDCG@10: {name}"),
        per_second: None,
        times: None,
        result: format!("{:.3}", judged::mean(reached)),
        target,
    };
    let least = judged::mean(&exact);
    Ok(vec![
        row("articles:search", &searched, format!(">= {least:.3}")),
        row("nearest neighbours, local vectors", &nearest, String::new()),
        row("the very text alone", &exact, String::new()),
    ])
}

/// Publishes the judged help center.
async fn publish(address: &str, agent: &Agent) -> Result<(), Fault> {
    let mut client = Client::connect(address, Some(&agent.token)).await?;
    for (title, content) in judged::ARTICLES {
        let request = articles::Create::builder()
            .workspace_id(agent.workspace_id)
            .title((*title).to_owned())
            .content((*content).to_owned())
            .build();
        let id = client.call(&request).await?;
        client
            .call(&articles::Publish::builder().id(ArticleRef::Article(id)).build())
            .await?;
    }
    Ok(())
}

/// Waits until everything published in a workspace has vectors.
async fn have_vectors(connection: &Database, workspace: WorkspaceId) -> Result<(), Fault> {
    let due = "SELECT count(*) FROM content_embedding_states WHERE workspace_id = $1 AND status <> 'ready'";
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let due: i64 = connection.query_one(due, &[&workspace.uuid()]).await?.get(0);
        if due == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("the judged help center has no vectors yet".into())
}
