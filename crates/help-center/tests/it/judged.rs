//! Search on the judged queries: nothing is worse than looking for the very text.

use std::sync::Arc;

use opencom_help_center::{HelpCenter, HelpCenterParts};
use opencom_providers::embeddings::LocalNgrams;
use opencom_runtime::{Caller, Pool, QueryCx};
use opencom_testkit::Nobody;
use opencom_testkit::judged::{ARTICLES, QUERIES, containing, mean, ndcg};
use serde_json::json;

use crate::support::{Desk, call, kit, titles};

#[tokio::test]
async fn search_and_similarity_on_the_judged_queries() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    for (title, content) in ARTICLES {
        desk.published(title, content).await;
    }
    kit.run_jobs().await;
    let service = HelpCenter::new(HelpCenterParts {
        search_language: "english".to_owned(),
        embeddings: Arc::new(LocalNgrams),
    });
    let (mut searched, mut exact, mut near) = (Vec::new(), Vec::new(), Vec::new());
    for (query, judged) in QUERIES {
        let request = json!({ "workspaceId": desk.ws.id, "query": query });
        let found = titles(&call(&kit, &Nobody, "articles:search", request).await);
        searched.push(ndcg(&found, judged));
        exact.push(ndcg(&containing(query), judged));
        let pool = Pool::new(kit.database.url(), 1).unwrap();
        let cx = &mut QueryCx::new(
            Arc::clone(&kit.server),
            Arc::clone(kit.dispatcher.registry()),
            pool,
            Caller::Anonymous,
        );
        let vector = service.embed(query).await.unwrap();
        let found = service.nearest(cx, desk.ws.id, &vector, &[], 10).await.unwrap();
        let found: Vec<String> = found.into_iter().map(|near| near.title).collect();
        near.push(ndcg(&found, judged));
    }
    eprintln!(
        "nDCG@10 over {} queries: search {:.3}, the very text alone {:.3}, nearest by the local vectors {:.3}",
        QUERIES.len(),
        mean(&searched),
        mean(&exact),
        mean(&near)
    );
    for ((query, _), (searched, exact)) in QUERIES.iter().zip(searched.iter().zip(&exact)) {
        assert!(searched >= exact, "{query}: {searched} is worse than {exact}");
    }
}
