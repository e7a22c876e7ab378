//! What is in the catalogue is served, and nothing else.

use std::collections::BTreeSet;

use opencom_contract::{Descriptor, Kind, Who, catalogue};
use opencom_core::Code;
use serde_json::json;

use opencom_testkit::OWNERS;

use crate::kit::kit;

fn paths() -> BTreeSet<&'static str> {
    catalogue().map(|function| function.path).collect()
}

/// The functions that nobody may call from outside.
fn internal() -> impl Iterator<Item = &'static Descriptor> {
    catalogue().filter(|function| function.access.who == Who::Internal)
}

#[tokio::test]
async fn the_registry_has_every_function_of_the_catalogue_and_no_other() {
    let kit = kit().await;
    let registered: BTreeSet<_> = kit.dispatcher.registry().paths().collect();
    let missing: Vec<_> = paths().difference(&registered).copied().collect();
    let unknown: Vec<_> = registered.difference(&paths()).copied().collect();
    assert!(
        missing.is_empty(),
        "no method answers {missing:?}: add them to `service!` of their context"
    );
    assert!(
        unknown.is_empty(),
        "{unknown:?} are registered, but `opencom_contract::catalogue()` does not know their module"
    );
}

#[tokio::test]
async fn no_two_contexts_claim_a_name_and_every_topic_has_one_owner() {
    let kit = kit().await;
    let registry = kit.dispatcher.registry();
    assert_eq!(registry.clashes(), Vec::<String>::new());
    for topic in registry.topics() {
        let (owner, _) = topic.name().split_once('.').unwrap();
        assert!(OWNERS.contains(&owner), "{} has no owner", topic.name());
    }
}

/// A function is looked up by the kind that a caller names; another kind is refused by name.
#[tokio::test]
async fn a_function_runs_as_its_own_kind_only() {
    let kit = kit().await;
    for function in catalogue().filter(|function| function.access.who != Who::Internal) {
        for kind in [Kind::Query, Kind::Mutation, Kind::Action] {
            if kind == function.kind {
                continue;
            }
            let found = kit.dispatcher.resolve(function.path).unwrap();
            let error = found.ensure_kind(kind).unwrap_err();
            assert_eq!(error.code(), Code::InvalidInput, "{} as {kind:?}", function.path);
            assert!(error.message().contains(function.path), "{}", error.message());
        }
    }
}

#[tokio::test]
async fn internal_functions_are_unknown_to_callers_by_every_spelling() {
    let kit = kit().await;
    assert!(internal().count() > 0);
    for function in internal() {
        let (module, name) = function.path.split_once(':').unwrap();
        // No call gets past the look-up, whoever makes it and with whatever arguments.
        for path in [function.path.to_owned(), format!("{module}.js:{name}")] {
            let error = kit.dispatcher.resolve(&path).unwrap_err();
            let expected = format!("Could not find public function for '{}'.", function.path);
            assert_eq!((error.code(), error.message()), (Code::NotFound, expected.as_str()));
        }
    }
}

/// The exact words for a path that nobody defined are those for an internal one: nothing tells them apart.
#[tokio::test]
async fn a_path_that_nobody_defined_is_answered_like_an_internal_one() {
    let kit = kit().await;
    let error = kit
        .call_json(&opencom_testkit::Nobody, "messages:noSuchFunction", json!({}))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert_eq!(
        error.message(),
        "Could not find public function for 'messages:noSuchFunction'."
    );
}
