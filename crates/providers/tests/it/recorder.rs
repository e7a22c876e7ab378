//! The recorder: what it keeps, who it wakes, what it writes and what it says.

use std::path::Path;
use std::sync::Arc;

use opencom_providers::email::{Email, EmailProvider as _, Recorder};

use crate::{log, mail};

fn subjects(mails: &[Arc<Email>]) -> Vec<&str> {
    mails.iter().map(|mail| mail.subject.as_str()).collect()
}

fn files(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[tokio::test]
async fn keeps_the_newest_mails_in_order() {
    let recorder = Recorder::new().capacity(2);
    for subject in ["one", "two", "three"] {
        recorder.send(&mail(subject)).await.unwrap();
    }
    assert_eq!(subjects(&recorder.sent()), ["two", "three"]);
    assert_eq!(subjects(&recorder.take()), ["two", "three"]);
    assert!(recorder.sent().is_empty());
}

#[tokio::test]
async fn a_waiter_gets_the_mail_it_asked_for_before_or_after_it_came() {
    let recorder = Arc::new(Recorder::new());
    recorder.send(&mail("early")).await.unwrap();
    assert_eq!(recorder.wait_for(|mail| mail.subject == "early").await.subject, "early");

    let waiting = Arc::clone(&recorder);
    let waiter = tokio::spawn(async move { waiting.wait_for(|mail| mail.subject == "late").await });
    recorder.send(&mail("other")).await.unwrap();
    recorder.send(&mail("late")).await.unwrap();
    assert_eq!(waiter.await.unwrap().subject, "late");
    assert_eq!(subjects(&recorder.sent()), ["early", "other", "late"]);
}

#[tokio::test]
async fn taking_waits_for_the_next_mail_each_time() {
    let recorder = Recorder::new();
    for html in ["first", "second"] {
        let mut mail = mail("code");
        mail.html = html.into();
        let (taken, sent) = tokio::join!(recorder.wait_take(|mail| mail.subject == "code"), recorder.send(&mail));
        sent.unwrap();
        assert_eq!(taken.html, html);
    }
    assert!(recorder.sent().is_empty());
}

#[tokio::test]
async fn an_idempotency_key_counts_once() {
    let recorder = Recorder::new();
    let mut mail = mail("one");
    mail.idempotency_key = Some("job-1".into());
    let (first, second) = tokio::join!(recorder.send(&mail), recorder.send(&mail));
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(recorder.sent().len(), 1);
}

#[tokio::test]
async fn a_malformed_mail_is_refused_and_not_kept() {
    let recorder = Recorder::new();
    assert!(
        recorder
            .send(&mail("Hi\r\nBcc: eve@example.com"))
            .await
            .unwrap_err()
            .is_permanent()
    );
    assert!(recorder.sent().is_empty());
}

#[tokio::test]
async fn the_directory_keeps_the_newest_mails_across_restarts() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mine.eml"), "not ours").unwrap();
    for _ in 0..2 {
        let recorder = Recorder::with_dir(dir.path()).unwrap().capacity(3);
        for subject in ["one", "two"] {
            recorder.send(&mail(subject)).await.unwrap();
        }
    }
    let names = files(dir.path());
    assert_eq!(
        names,
        ["0000000002.eml", "0000000003.eml", "0000000004.eml", "mine.eml"]
    );
    let contents: Vec<String> = names[..3]
        .iter()
        .map(|name| std::fs::read_to_string(dir.path().join(name)).unwrap())
        .collect();
    for (content, subject) in contents.iter().zip(["two", "one", "two"]) {
        assert!(content.contains(&format!("Subject: {subject}\r\n")), "{content}");
        assert!(content.contains("To: ada@example.com\r\n"), "{content}");
        assert!(content.contains("<p>Your code is 123456</p>"), "{content}");
    }
}

#[tokio::test]
async fn two_recorders_share_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let recorders = [
        Recorder::with_dir(dir.path()).unwrap(),
        Recorder::with_dir(dir.path()).unwrap(),
    ];
    let mail = mail("Hello");
    let sends = (0..10).flat_map(|_| recorders.iter().map(|recorder| recorder.send(&mail)));
    futures_util::future::try_join_all(sends).await.unwrap();
    assert_eq!(files(dir.path()).len(), 20);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_reads_recorded_mail() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let mails = dir.path().join("made/here");
    Recorder::with_dir(&mails).unwrap().send(&mail("one")).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&mails), 0o700);
    assert_eq!(mode(&mails.join(&files(&mails)[0])), 0o600);
}

#[tokio::test]
async fn one_line_is_logged_and_never_the_body() {
    let dir = tempfile::tempdir().unwrap();
    Recorder::with_dir(dir.path())
        .unwrap()
        .send(&mail("Your code"))
        .await
        .unwrap();
    let file = dir.path().join(&files(dir.path())[0]);
    let expected = format!(
        "INFO\nmessage=mail recorded\nsubject=Your code\nfile={}\n",
        file.display()
    );
    assert_eq!(log::of_this_thread(), expected);
}
