//! Transactions: committed or undone as a whole, run again when the database asks, published after the commit.

use crate::kit;
use crate::kit_with;
use opencom_runtime::topic;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_core::{Error, Result};
use opencom_runtime::{Caller, MutationCx, ScopedFutureExt};
use opencom_schema::{users, workspaces};
use opencom_testkit::{Changes, Heard, Kit, Workspace};

async fn rename(cx: &mut MutationCx, workspace: &Workspace, name: &str) -> Result<()> {
    cx.write(topic::workspace(workspace.id));
    diesel::update(workspaces::table.find(workspace.id))
        .set(workspaces::name.eq(name))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

async fn name(kit: &Kit, workspace: &Workspace) -> String {
    workspaces::table
        .find(workspace.id)
        .select(workspaces::name)
        .first(&mut kit.connection().await)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_transaction_leaves_nothing_and_publishes_nothing() {
    let kit = kit().await;
    let workspace = kit.workspace().await;
    let before = name(&kit, &workspace).await;
    let mut changes = Changes::of(&kit.server.topics);
    let outcome: Result<()> = kit
        .dispatcher
        .transaction(Caller::Anonymous, |cx| {
            let workspace = &workspace;
            async move {
                rename(cx, workspace, "never").await?;
                Err(Error::not_authenticated())
            }
            .scope_boxed()
        })
        .await;
    outcome.unwrap_err();
    assert_eq!(name(&kit, &workspace).await, before);
    assert!(changes.try_next().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committed_transaction_is_published() {
    let kit = kit().await;
    let workspace = kit.workspace().await;
    let mut changes = Changes::of(&kit.server.topics);
    kit.dispatcher
        .transaction(Caller::Anonymous, |cx| {
            let workspace = &workspace;
            async move { rename(cx, workspace, "new").await }.scope_boxed()
        })
        .await
        .unwrap();
    let Some(Heard::Topics(topics)) = changes.try_next() else {
        panic!("nothing was published")
    };
    assert_eq!(topics, [topic::workspace(workspace.id)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_deadlock_are_run_again_until_both_succeed() {
    let kit = kit().await;
    let (a, b) = (kit.workspace().await, kit.workspace().await);
    let meeting = tokio::sync::Barrier::new(2);
    let tries = AtomicUsize::new(0);
    // Each locks one row, waits for the other, then wants the other's row.
    let both = |first: &Workspace, second: &Workspace, name: &'static str| {
        let (first, second) = (first.clone(), second.clone());
        let (dispatcher, meeting, tries) = (kit.dispatcher.clone(), &meeting, &tries);
        async move {
            dispatcher
                .transaction(Caller::Anonymous, |cx| {
                    let (first, second) = (first.clone(), second.clone());
                    async move {
                        let met = tries.fetch_add(1, Ordering::SeqCst) < 2;
                        rename(cx, &first, name).await?;
                        if met {
                            meeting.wait().await;
                        }
                        rename(cx, &second, name).await
                    }
                    .scope_boxed()
                })
                .await
        }
    };
    let (one, two) = tokio::join!(both(&a, &b, "one"), both(&b, &a, "two"));
    one.unwrap();
    two.unwrap();
    assert!(AtomicUsize::load(&tries, Ordering::SeqCst) > 2);
    assert_eq!(name(&kit, &a).await, name(&kit, &b).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_no_open_transaction() {
    let kit = kit_with(opencom_testkit::Settings {
        connections: 1,
        ..Default::default()
    })
    .await;
    let workspace = kit.workspace().await;
    let (reached, waiting) = tokio::sync::oneshot::channel::<()>();
    let reached = std::sync::Mutex::new(Some(reached));
    let stuck = kit.dispatcher.transaction(Caller::Anonymous, |cx| {
        let (workspace, reached) = (&workspace, &reached);
        async move {
            rename(cx, workspace, "never").await?;
            reached.lock().unwrap().take().unwrap().send(()).unwrap();
            std::future::pending::<Result<()>>().await
        }
        .scope_boxed()
    });
    tokio::select! {
        _ = stuck => panic!("it waits for ever"),
        reached = waiting => reached.unwrap(),
    }
    // The only connection is free again, and holds no lock.
    kit.dispatcher
        .transaction(Caller::Anonymous, |cx| {
            let workspace = &workspace;
            async move { rename(cx, workspace, "later").await }.scope_boxed()
        })
        .await
        .unwrap();
    assert_eq!(name(&kit, &workspace).await, "later");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_transaction_changed_is_seen_inside_and_cached_only_when_committed() {
    let kit = kit().await;
    let user = kit.user(None).await.user_id;
    let seen = async |cx: &mut MutationCx| {
        cx.user_by_id(user)
            .await
            .map(|user| user.and_then(|user| user.name.clone()))
    };
    let rename = |name: &'static str, outcome: Result<()>| {
        let dispatcher = kit.dispatcher.clone();
        let outcome = std::sync::Mutex::new(Some(outcome));
        async move {
            let (outcome, seen) = (&outcome, &seen);
            dispatcher
                .transaction(Caller::Anonymous, |cx| {
                    async move {
                        seen(cx).await?;
                        cx.write(topic::user(user));
                        diesel::update(users::table.find(user))
                            .set(users::name.eq(name))
                            .execute(cx.connection().await?)
                            .await?;
                        assert_eq!(seen(cx).await?.as_deref(), Some(name));
                        outcome.lock().unwrap().take().unwrap()
                    }
                    .scope_boxed()
                })
                .await
        }
    };
    rename("kept", Ok(())).await.unwrap();
    rename("undone", Err(Error::not_authenticated())).await.unwrap_err();
    let name = kit
        .dispatcher
        .action_cx(Caller::Anonymous)
        .read(|cx| async move { Ok(cx.user_by_id(user).await?.and_then(|user| user.name.clone())) }.scope_boxed())
        .await
        .unwrap();
    assert_eq!(name.as_deref(), Some("kept"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_outcome_is_unknown_is_published() {
    let kit = kit().await;
    let workspace = kit.workspace().await;
    let mut changes = Changes::of(&kit.server.topics);
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND state = 'idle in transaction'";
    let outcome = kit
        .dispatcher
        .transaction(Caller::Anonymous, |cx| {
            let (kit, workspace) = (&kit, &workspace);
            async move {
                rename(cx, workspace, "perhaps").await?;
                diesel::sql_query(cut).execute(&mut kit.connection().await).await?;
                Ok(())
            }
            .scope_boxed()
        })
        .await;
    outcome.unwrap_err();
    let Some(Heard::Topics(topics)) = changes.try_next() else {
        panic!("nothing was published")
    };
    assert_eq!(topics, [topic::workspace(workspace.id)]);
}
