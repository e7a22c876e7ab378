//! What the server measures: told where operators ask, under names that the dashboard, the alerts and the documents use.

use std::collections::BTreeSet;

use opencom_gateway::measurements::{Kind, MEASUREMENTS};
use opencom_testkit::Database;
use reqwest::StatusCode;
use tempfile::TempDir;

use crate::binary::{Server, chat, free_address};

const DASHBOARD: &str = include_str!("../../../deploy/grafana/opencom.json");
const ALERTS: &str = include_str!("../../../deploy/grafana/alerts.yml");
const OPERATIONS: &str = include_str!("../../../docs/operations.md");

/// The names of our measurements in a text, without what Prometheus appends for parts of histograms.
fn names(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    text.split(|c| !is_part(c))
        .filter(|word| word.starts_with("opencom_"))
        .map(|word| word.strip_suffix("_bucket").unwrap_or(word))
        .collect()
}

#[test]
fn dashboard_alerts_and_documents_name_what_is_measured() {
    let measured: BTreeSet<&str> = MEASUREMENTS.iter().map(|measurement| measurement.name).collect();
    for (place, text) in [("dashboard", DASHBOARD), ("alerts", ALERTS)] {
        let unknown: Vec<_> = names(text).difference(&measured).copied().collect();
        assert!(
            unknown.is_empty(),
            "the {place} shows what nobody measures: {unknown:?}"
        );
    }
    let untold: Vec<_> = measured.difference(&names(OPERATIONS)).copied().collect();
    assert!(untold.is_empty(), "docs/operations.md does not tell of {untold:?}");
}

#[test]
fn names_say_how_something_is_measured() {
    for measurement in MEASUREMENTS {
        let (name, kind) = (measurement.name, measurement.kind);
        assert_eq!(name.ends_with("_total"), kind == Kind::Counter, "{name}");
        assert!(kind != Kind::Seconds || name.ends_with("_seconds"), "{name}");
    }
}

async fn get(address: &str, path: &str) -> (StatusCode, String) {
    let response = reqwest::get(format!("http://{address}{path}")).await.unwrap();
    (response.status(), response.text().await.unwrap())
}

/// The measurements of a process, once they have all of `parts`; they are summed up when it starts.
async fn measured(address: &str, parts: &[&str]) {
    loop {
        let (status, text) = get(address, "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        if parts.iter().all(|part| text.contains(part)) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_have_an_address_of_their_own_also_where_only_jobs_run() {
    let (database, directory) = (Database::create().await, TempDir::new().unwrap());
    let (public, for_operators, worker) = (free_address(), free_address(), free_address());
    let api = ["--role", "api", "--listen", &public, "--metrics-listen", &for_operators];
    let mut api = Server::start_with(&database, directory.path(), &api, &public).await;
    let jobs = ["--role", "worker", "--metrics-listen", &worker];
    let mut jobs = Server::start_with(&database, directory.path(), &jobs, &worker).await;
    chat(&api).await;
    assert_eq!(get(&public, "/metrics").await.0, StatusCode::NOT_FOUND);
    for address in [&public, &for_operators, &worker] {
        assert_eq!(get(address, "/readyz").await.0, StatusCode::OK);
        assert_eq!(get(address, "/healthz").await.0, StatusCode::OK);
    }
    measured(
        &for_operators,
        &[
            "# HELP opencom_call_seconds How long calls took, by function.",
            r#"opencom_call_seconds_bucket{function="messages:send",le="10"} 2"#,
            r#"opencom_calls_total{function="messages:send",code="OK"} 2"#,
            r#"opencom_pool_connections{pool="calls"}"#,
            r#"opencom_build_info{version=""#,
            "opencom_bus_connected 1",
            "process_resident_memory_bytes",
        ],
    )
    .await;
    measured(
        &worker,
        &[
            "opencom_jobs_due 0",
            "opencom_jobs_dead 0",
            "opencom_jobs_overdue_seconds 0",
        ],
    )
    .await;
    api.terminate();
    jobs.terminate();
    assert!(api.ends_well() && jobs.ends_well());
}
