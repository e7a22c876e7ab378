//! Mails about new messages: who gets them, when, how often.

use crate::support::contexts;
use crate::support::kit;
use opencom_testkit::Settings;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_core::id::{ConversationId, JobId};
use opencom_core::{Millis, Role};
use opencom_inbox::notifications::{MailNewMessages, NotifyNewMessage, SendMessageMail};
use opencom_providers::email::{Delivery, Email, EmailError, EmailProvider};
use opencom_runtime::Job;
use opencom_schema::{conversations, jobs, users, visitors};
use opencom_testkit::{Kit, Visitor, Workspace};

use crate::chat::{answer, ask, open};

const MINUTE: i64 = Millis::MINUTE;

/// A visitor with a name, an address and a page.
async fn ada(kit: &Kit, ws: &Workspace) -> Visitor {
    let visitor = kit.visitor(ws).await;
    diesel::update(visitors::table.find(visitor.id))
        .set((
            visitors::name.eq("Ada"),
            visitors::email.eq("ada@example.com"),
            visitors::current_url.eq("https://shop.test/cart"),
        ))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    visitor
}

async fn waiting(kit: &Kit, kind: &str) -> i64 {
    jobs::table
        .filter(jobs::kind.eq(kind))
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap()
}

/// Runs everything that becomes due within some minutes, and gives recipients and subjects of what was sent.
async fn mails_after(kit: &Kit, minutes: i64) -> Vec<(String, String)> {
    kit.run_jobs().await;
    for _ in 0..minutes {
        kit.clock.advance(MINUTE);
        kit.run_jobs().await;
    }
    let mails = kit.mail.take();
    mails
        .iter()
        .map(|mail| (mail.to[0].address().to_owned(), mail.subject.clone()))
        .collect()
}

#[tokio::test]
async fn members_who_may_read_are_told_of_a_visitors_message_after_a_minute() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (viewer, limited) = (kit.agent(&ws, Role::Viewer).await, kit.agent(&ws, Role::Agent).await);
    kit.set_permissions(&limited, ws.id, &["users.read"]).await;
    let visitor = ada(&kit, &ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    let message = ask(&kit, &visitor, id, "Where is <b>my</b> order?").await.unwrap();
    kit.run_jobs().await;
    kit.clock.advance(MINUTE / 2);
    kit.run_jobs().await;
    assert!(kit.mail.sent().is_empty(), "the minute is not over");
    kit.clock.advance(MINUTE / 2);
    kit.run_jobs().await;
    let mails = kit.mail.take();
    let mut to: Vec<_> = mails.iter().map(|mail| mail.to[0].address().to_owned()).collect();
    to.sort();
    let mut expected = [ws.owner.email.clone(), viewer.email.clone()];
    expected.sort();
    assert_eq!(to, expected);
    let mail = mails.iter().find(|mail| mail.to[0].address() == viewer.email).unwrap();
    assert_eq!(mail.subject, "New message from Ada");
    assert!(
        mail.html.contains("Where is &lt;b&gt;my&lt;/b&gt; order?"),
        "{}",
        mail.html
    );
    let link = format!("http://dashboard.test/inbox?conversationId={id}");
    assert!(mail.html.contains(&link) && mail.text.as_ref().unwrap().contains(&link));
    let key = format!("chat:{message}:{}", viewer.user_id);
    assert_eq!(mail.idempotency_key.as_deref(), Some(key.as_str()));
    assert!(mails_after(&kit, 3).await.is_empty(), "once");
}

#[tokio::test]
async fn nothing_is_sent_to_addresses_that_belong_to_nobody() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (viewer, visitor) = (kit.agent(&ws, Role::Viewer).await, ada(&kit, &ws).await);
    diesel::update(users::table.find(viewer.user_id))
        .set(users::email.eq("grace@demo.invalid"))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    let id = open(&kit, &ws, &visitor).await.id;
    ask(&kit, &visitor, id, "Hello?").await.unwrap();
    let told = mails_after(&kit, 2).await;
    assert_eq!(told, [(ws.owner.email.clone(), "New message from Ada".to_owned())]);
}

#[tokio::test]
async fn messages_in_a_row_make_one_mail() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = ada(&kit, &ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    for text in ["one", "two", "three"] {
        ask(&kit, &visitor, id, text).await.unwrap();
        kit.run_jobs().await;
        kit.clock.advance(25_000);
    }
    let expected = (ws.owner.email.clone(), "3 new messages from Ada".to_owned());
    assert_eq!(mails_after(&kit, 3).await, [expected]);
}

#[tokio::test]
async fn a_busy_minute_queues_one_mail_job() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = ada(&kit, &ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    // From the start of a minute, so that the messages share it.
    kit.clock.advance(MINUTE - kit.clock.now().0 % MINUTE);
    for _ in 0..20 {
        ask(&kit, &visitor, id, "again").await.unwrap();
    }
    kit.run_jobs().await;
    assert_eq!(waiting(&kit, MailNewMessages::KIND).await, 1);
    assert_eq!(mails_after(&kit, 2).await.len(), 1);
    assert_eq!(waiting(&kit, MailNewMessages::KIND).await, 0);
}

#[tokio::test]
async fn a_visitor_with_an_address_is_told_of_answers() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (known, unknown) = (ada(&kit, &ws).await, kit.visitor(&ws).await);
    let id = open(&kit, &ws, &known).await.id;
    let silent = open(&kit, &ws, &unknown).await.id;
    answer(&kit, &ws.owner, id, "On its way").await.unwrap();
    answer(&kit, &ws.owner, silent, "Hello?").await.unwrap();
    kit.run_jobs().await;
    assert_eq!(
        waiting(&kit, MailNewMessages::KIND).await,
        1,
        "nobody to tell of the other one"
    );
    kit.clock.advance(MINUTE);
    kit.run_jobs().await;
    let mails = kit.mail.take();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to[0].address(), "ada@example.com");
    assert!(mails[0].subject.ends_with("from support"), "{}", mails[0].subject);
    assert!(mails[0].html.contains("https://shop.test/cart"));
    assert!(!mails[0].html.contains("dashboard.test"));
}

#[tokio::test]
async fn a_conversation_by_mail_is_not_told_of_by_mail() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = ada(&kit, &ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    diesel::update(conversations::table.find(id))
        .set(conversations::channel.eq("email"))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    answer(&kit, &ws.owner, id, "On its way").await.unwrap();
    assert!(mails_after(&kit, 2).await.is_empty());
}

#[tokio::test]
async fn a_job_that_runs_again_sends_nothing_again() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = ada(&kit, &ws).await;
    let id: ConversationId = open(&kit, &ws, &visitor).await.id;
    ask(&kit, &visitor, id, "hello").await.unwrap();
    let notify: serde_json::Value = jobs::table
        .filter(jobs::kind.eq(NotifyNewMessage::KIND))
        .select(jobs::payload)
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(mails_after(&kit, 1).await.len(), 1);
    diesel::insert_into(jobs::table)
        .values((
            jobs::id.eq(JobId::generate()),
            jobs::kind.eq(NotifyNewMessage::KIND),
            jobs::payload.eq(notify),
            jobs::state.eq("ready"),
            jobs::run_at.eq(kit.clock.now()),
            jobs::created_at.eq(kit.clock.now()),
        ))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    assert!(mails_after(&kit, 2).await.is_empty());
}

/// Accepts mails, except that it answers the first one to an address as it was told.
#[derive(Default)]
struct Moody {
    first_answers: Mutex<HashMap<String, EmailError>>,
    accepted: Mutex<Vec<String>>,
}

#[async_trait]
impl EmailProvider for Moody {
    async fn send(&self, mail: &Email) -> Result<Delivery, EmailError> {
        let to = mail.to[0].address().to_owned();
        if let Some(error) = self.first_answers.lock().unwrap().remove(&to) {
            return Err(error);
        }
        self.accepted.lock().unwrap().push(to);
        Ok(Delivery { provider_id: None })
    }

    async fn check(&self) -> Result<(), EmailError> {
        Ok(())
    }

    fn name(&self) -> &'static str {
        "moody"
    }
}

/// What runs the kit's jobs with another provider of mail.
async fn worker_with(kit: &Kit, email: Arc<dyn EmailProvider>) -> Kit {
    let settings = Settings {
        email: Some(email),
        web_app_url: None,
        ..Settings::default()
    };
    kit.replica_with(settings, contexts()).await
}

#[tokio::test]
async fn a_mail_is_tried_again_alone_and_only_while_that_makes_sense() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (unlucky, refused) = (kit.agent(&ws, Role::Viewer).await, kit.agent(&ws, Role::Viewer).await);
    let away = EmailError::Unavailable {
        message: "away".to_owned(),
        retry_after: None,
    };
    let never = EmailError::Rejected {
        message: "never".to_owned(),
    };
    let provider = Arc::new(Moody::default());
    provider
        .first_answers
        .lock()
        .unwrap()
        .extend([(unlucky.email.clone(), away), (refused.email.clone(), never)]);
    let worker = worker_with(&kit, Arc::clone(&provider) as _).await;
    let visitor = ada(&kit, &ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    ask(&kit, &visitor, id, "hello").await.unwrap();
    for _ in 0..4 {
        worker.run_jobs().await;
        kit.clock.advance(MINUTE);
    }
    let mut accepted = provider.accepted.lock().unwrap().clone();
    accepted.sort();
    let mut expected = [ws.owner.email.clone(), unlucky.email.clone()];
    expected.sort();
    assert_eq!(accepted, expected, "each once; the refused one never");
    assert_eq!(waiting(&kit, SendMessageMail::KIND).await, 0);
}
