//! What is in the catalogue is served, and nothing else.

use std::collections::BTreeSet;

use opencom_contract::{Descriptor, Kind, Who, catalogue};
use opencom_core::Code;
use opencom_testkit::Kit;
use serde_json::json;

use crate::world::{Asker, World};

fn paths() -> BTreeSet<&'static str> {
    catalogue().map(|function| function.path).collect()
}

/// The functions that nobody may call from outside.
fn internal() -> impl Iterator<Item = &'static Descriptor> {
    catalogue().filter(|function| function.access.who == Who::Internal)
}

#[tokio::test]
async fn the_registry_has_every_function_of_the_catalogue_and_no_other() {
    let kit = Kit::start().await;
    let registered: BTreeSet<_> = kit.app.registry.paths().collect();
    let missing: Vec<_> = paths().difference(&registered).copied().collect();
    let unknown: Vec<_> = registered.difference(&paths()).copied().collect();
    assert!(
        missing.is_empty(),
        "no method answers {missing:?}: register them in the `register` function of their module"
    );
    assert!(
        unknown.is_empty(),
        "{unknown:?} are registered, but `opencom_contract::catalogue()` does not know their module"
    );
    let twice = kit.app.registry.duplicates();
    assert!(
        twice.is_empty(),
        "{twice:?} are registered twice: the second registration counts for nothing"
    );
}

/// A function is looked up by the kind that a caller names; another kind is refused by name.
#[tokio::test]
async fn a_function_runs_as_its_own_kind_only() {
    let kit = Kit::start().await;
    for function in catalogue().filter(|function| function.access.who != Who::Internal) {
        for kind in [Kind::Query, Kind::Mutation, Kind::Action] {
            if kind == function.kind {
                continue;
            }
            let error = kit
                .dispatcher
                .call(kind, function.path, "{}", opencom_runtime::Caller::Anonymous)
                .await
                .unwrap_err();
            assert_eq!(error.code(), Code::InvalidInput, "{} as {kind:?}", function.path);
            assert!(error.message().contains(function.path), "{}", error.message());
        }
    }
}

#[tokio::test]
async fn internal_functions_are_unknown_to_callers_by_every_route() {
    let kit = Kit::start().await;
    let world = World::new(&kit).await;
    assert!(internal().count() > 0);
    for function in internal() {
        let arguments = world.arguments(function.path, &world.as_visitor()).await;
        let (module, name) = function.path.split_once(':').unwrap();
        for asker in [Asker::NOBODY, world.as_owner(), world.as_visitor()] {
            for path in [function.path.to_owned(), format!("{module}.js:{name}")] {
                // Right and wrong arguments alike: what does not exist has none.
                for text in [arguments.to_string(), "{}".to_owned(), "[]".to_owned()] {
                    let dispatcher = &kit.dispatcher;
                    let caller = asker.caller;
                    let mut answers = vec![dispatcher.call_any(&path, &text, caller).await];
                    for kind in [Kind::Query, Kind::Mutation, Kind::Action] {
                        answers.push(dispatcher.call(kind, &path, &text, caller).await);
                    }
                    answers.push(dispatcher.query(&path, &text, caller).await.outcome);
                    for answer in answers {
                        let error = answer.unwrap_err();
                        let expected = format!("Could not find public function for '{}'.", function.path);
                        assert_eq!((error.code(), error.message()), (Code::NotFound, expected.as_str()));
                    }
                }
            }
        }
    }
}

/// The exact words for a path that nobody defined are those for an internal one: nothing tells them apart.
#[tokio::test]
async fn a_path_that_nobody_defined_is_answered_like_an_internal_one() {
    let kit = Kit::start().await;
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
