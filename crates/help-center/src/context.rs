//! What the program knows of the context.

use std::sync::Arc;

use async_trait::async_trait;
use opencom_contract::embeddings::ContentType;
use opencom_contract::snippets::{SnippetRemoved, SnippetSaved};
use opencom_core::{Error, Result};
use opencom_runtime::health::Finding;
use opencom_runtime::{Context, Listen, MutationCx, Pool, Process, Registry};

use crate::embeddings::pgvector::{self, Readiness};
use crate::embeddings::{self, Content};
use crate::{HelpCenter, HelpCenterService, articles, limits, topics};

#[async_trait]
impl Context for HelpCenter {
    fn register(self: Arc<Self>, registry: &mut Registry) -> Result<()> {
        registry.declare_topics(topics::TOPICS);
        registry.declare_limits(limits::LIMITS);
        self.register_functions(registry);
        articles::register_jobs(&self, registry)?;
        embeddings::register_jobs(&self, registry);
        registry.listen::<SnippetSaved, _>(&self);
        registry.listen::<SnippetRemoved, _>(&self);
        Ok(())
    }

    /// Checks that the database knows the language of search.
    async fn prepare(&self, process: &Process) -> Result<()> {
        self.check_search_language(&process.database_url).await
    }

    /// Builds the index for nearest neighbours by pgvector, where the database has the extension.
    async fn build_indexes(&self, process: &Process) {
        match pgvector::prepare(&process.database_url).await {
            Ok(Readiness::Ready) => tracing::info!("nearest neighbours use pgvector"),
            Ok(Readiness::NotInstalled | Readiness::UnderWay) => {}
            Ok(Readiness::TooOld(version)) => {
                tracing::warn!("pgvector {version} is not used: 0.8 or newer is needed");
            }
            Ok(Readiness::NotAllowed(refusal)) => tracing::warn!(
                "pgvector is not used: this role may not create the extension ({refusal}). Run CREATE EXTENSION vector as a \
                 role that may, and restart"
            ),
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "pgvector is not used"),
        }
    }

    async fn health(&self, process: &Process) -> Vec<Finding> {
        let language = self.check_search_language(&process.database_url).await;
        vec![
            Finding::of(
                "search language",
                language.map(|()| self.parts.search_language.clone()),
                "set OPENCOM_SEARCH_LANGUAGE to one of those that `\\dF` of psql lists",
            ),
            match pgvector::installed(&process.database_url).await {
                Ok(Some(version)) => Finding::good("pgvector", format!("{version}; 0.8 and newer is used")),
                Ok(None) => Finding::good(
                    "pgvector",
                    "not installed; of use beyond some hundred thousand chunks of text",
                ),
                Err(error) => Finding::skipped("pgvector", error.to_string()),
            },
        ]
    }
}

impl HelpCenter {
    /// Checks that the database has the text search configuration of the language.
    ///
    /// # Errors
    /// Names the configurations that it has.
    async fn check_search_language(&self, database_url: &str) -> Result<()> {
        let language = &self.parts.search_language;
        let known = articles::languages(&Pool::new(database_url, 1)?).await?;
        if known.iter().any(|known| known == language) {
            return Ok(());
        }
        Err(Error::invalid(
            "OPENCOM_SEARCH_LANGUAGE",
            format!(
                "PostgreSQL has no text search configuration {language:?}; it has {}",
                known.join(", ")
            ),
        ))
    }
}

impl Listen<SnippetSaved> for HelpCenter {
    async fn on(&self, cx: &mut MutationCx, event: &SnippetSaved) -> Result<()> {
        let content = Content {
            workspace_id: event.workspace_id,
            content_type: ContentType::Snippet,
            content_id: event.id.to_string(),
        };
        embeddings::schedule(cx, content).await
    }
}

impl Listen<SnippetRemoved> for HelpCenter {
    async fn on(&self, cx: &mut MutationCx, event: &SnippetRemoved) -> Result<()> {
        embeddings::remove(cx, ContentType::Snippet, &event.id.to_string()).await
    }
}
