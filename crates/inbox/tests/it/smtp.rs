//! A mail server on this machine that takes every mail, or refuses as a test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use opencom_providers::email::Smtp;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What the server says to the next recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mood {
    Accepts,
    /// Not now.
    Busy,
    /// Never.
    Refuses,
}

/// A mail that was delivered.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) data: Vec<u8>,
}

pub(crate) struct SmtpServer {
    port: u16,
    mood: Arc<AtomicU8>,
    mails: mpsc::UnboundedReceiver<Delivered>,
}

impl SmtpServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, mails) = mpsc::unbounded_channel();
        let mood = Arc::new(AtomicU8::new(Mood::Accepts as u8));
        let shared = Arc::clone(&mood);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, sender.clone(), Arc::clone(&shared)));
            }
        });
        Self { port, mood, mails }
    }

    /// The adapter that sends through it.
    pub(crate) fn adapter(&self) -> Arc<Smtp> {
        Arc::new(Smtp::from_url(&format!("smtp://127.0.0.1:{}?tls=none", self.port)).unwrap())
    }

    pub(crate) fn is(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::Relaxed);
    }

    /// The next mail that was delivered.
    pub(crate) async fn next(&mut self) -> Delivered {
        self.mails.recv().await.unwrap()
    }

    /// Whether no mail waits.
    pub(crate) fn is_idle(&mut self) -> bool {
        self.mails.try_recv().is_err()
    }
}

/// Speaks SMTP until the client leaves; a connection that breaks is the client's choice.
async fn serve(stream: TcpStream, mails: mpsc::UnboundedSender<Delivered>, mood: Arc<AtomicU8>) {
    let mut stream = BufReader::new(stream);
    let (mut from, mut to) = (String::new(), Vec::new());
    let mut answer = "220 test ESMTP".to_owned();
    loop {
        if stream.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
        let mut line = String::new();
        if !matches!(stream.read_line(&mut line).await, Ok(1..)) {
            return;
        }
        let line = line.trim_end();
        let path = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        answer = match verb.as_str() {
            "EHLO" => "250-test\r\n250 8BITMIME".to_owned(),
            "MAIL" => {
                from = path();
                "250 ok".to_owned()
            }
            "RCPT" => match mood.load(Ordering::Relaxed) {
                mood if mood == Mood::Busy as u8 => "451 busy".to_owned(),
                mood if mood == Mood::Refuses as u8 => "550 no such user".to_owned(),
                _ => {
                    to.push(path());
                    "250 ok".to_owned()
                }
            },
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.unwrap();
                let data = read_data(&mut stream).await;
                let mail = Delivered {
                    from: std::mem::take(&mut from),
                    to: std::mem::take(&mut to),
                    data,
                };
                mails.send(mail).unwrap();
                "250 queued as 1".to_owned()
            }
            "QUIT" => return,
            _ => "250 ok".to_owned(),
        };
    }
}

async fn read_data(stream: &mut BufReader<TcpStream>) -> Vec<u8> {
    let mut data = Vec::new();
    loop {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).await.unwrap();
        if line == b".\r\n" || line.is_empty() {
            return data;
        }
        data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
