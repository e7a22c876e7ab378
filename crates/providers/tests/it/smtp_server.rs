//! A mail server that follows a script.

use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio_rustls::TlsAcceptor;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What the server does about one line of a client, given the number of the connection, from one.
#[derive(Clone, Copy)]
pub(crate) enum Reply {
    /// As a mail server does.
    Usual,
    /// This line instead.
    Say(&'static str),
    /// Nothing, for ever.
    Hang,
    /// Closes the connection.
    Close,
}

/// How this server differs from the usual.
#[derive(Clone)]
pub(crate) struct Script {
    /// Decides about each line; the end of a message is the line `.`, the greeting the empty line.
    pub(crate) reply: fn(usize, &str) -> Reply,
    /// The argument of `AUTH PLAIN` that is let in; with one, mail without it is refused.
    pub(crate) auth: Option<&'static str>,
    /// The certificate for TLS.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// TLS from the first byte.
    pub(crate) wrapper: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            reply: |_, _| Reply::Usual,
            auth: None,
            tls: None,
            wrapper: false,
        }
    }
}

/// A mail that the server took.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) connection: usize,
    pub(crate) encrypted: bool,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) data: String,
}

pub(crate) struct SmtpServer {
    port: u16,
    mails: mpsc::UnboundedReceiver<Received>,
    hung: Arc<Notify>,
}

impl SmtpServer {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, mails) = mpsc::unbounded_channel();
        let hung = Arc::new(Notify::new());
        let signal = Arc::clone(&hung);
        tokio::spawn(async move {
            for number in 1.. {
                let (stream, _) = listener.accept().await.unwrap();
                let session = Session {
                    number,
                    script: script.clone(),
                    mails: sender.clone(),
                    hung: Arc::clone(&signal),
                    encrypted: false,
                };
                tokio::spawn(session.run(Box::new(stream)));
            }
        });
        Self { port, mails, hung }
    }

    /// `smtp://{user}localhost:{port}{rest}`
    pub(crate) fn url(&self, user: &str, rest: &str) -> String {
        format!("smtp://{user}localhost:{}{rest}", self.port)
    }

    pub(crate) async fn received(&mut self) -> Received {
        self.mails.recv().await.unwrap()
    }

    /// Ends once the script has told a connection to hang.
    pub(crate) async fn hung(&self) {
        self.hung.notified().await;
    }
}

struct Session {
    number: usize,
    script: Script,
    mails: mpsc::UnboundedSender<Received>,
    hung: Arc<Notify>,
    encrypted: bool,
}

impl Session {
    /// Serves until the client leaves; a broken connection is the client's choice and no failure here.
    async fn run(mut self, stream: Box<dyn Stream>) {
        let mut stream = BufReader::new(stream);
        if self.script.wrapper {
            let Some(encrypted) = self.encrypt(stream).await else {
                return;
            };
            stream = encrypted;
        }
        let mut authenticated = self.script.auth.is_none();
        let mut mail = Received::default();
        let mut line = String::new();
        loop {
            let text = line.trim_end().to_owned();
            let reply = match (
                (self.script.reply)(self.number, &text),
                text.split(' ').next().unwrap_or_default(),
            ) {
                (Reply::Say(reply), _) => reply.to_owned(),
                (Reply::Close, _) => return,
                (Reply::Hang, _) => {
                    self.hung.notify_one();
                    return std::future::pending().await;
                }
                (Reply::Usual, "") => "220 test ready".to_owned(),
                (Reply::Usual, "EHLO") => self.features(),
                (Reply::Usual, "AUTH") => {
                    authenticated = text.strip_prefix("AUTH PLAIN ") == self.script.auth;
                    if authenticated {
                        "235 welcome"
                    } else {
                        "535 5.7.8 wrong password"
                    }
                    .to_owned()
                }
                (Reply::Usual, "STARTTLS") => {
                    stream.write_all(b"220 go ahead\r\n").await.unwrap();
                    let Some(encrypted) = self.encrypt(stream).await else {
                        return;
                    };
                    stream = encrypted;
                    String::new()
                }
                (Reply::Usual, "MAIL") if !authenticated => "530 5.7.0 authenticate first".to_owned(),
                (Reply::Usual, "MAIL") => {
                    mail = Received {
                        connection: self.number,
                        encrypted: self.encrypted,
                        ..Received::default()
                    };
                    mail.from = address(&text);
                    "250 ok".to_owned()
                }
                (Reply::Usual, "RCPT") => {
                    mail.to.push(address(&text));
                    "250 ok".to_owned()
                }
                (Reply::Usual, "DATA") => "354 go on".to_owned(),
                (Reply::Usual, ".") => {
                    let _ = self.mails.send(std::mem::take(&mut mail));
                    "250 2.0.0 queued as TEST1".to_owned()
                }
                (Reply::Usual, "QUIT") => return,
                (Reply::Usual, _) => "250 ok".to_owned(),
            };
            if !reply.is_empty() && stream.write_all(format!("{reply}\r\n").as_bytes()).await.is_err() {
                return;
            }
            if reply.starts_with("354") {
                mail.data = String::new();
                loop {
                    line.clear();
                    if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                        return;
                    }
                    if line == ".\r\n" {
                        break;
                    }
                    mail.data.push_str(line.strip_prefix('.').unwrap_or(&line));
                }
                continue;
            }
            line.clear();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
        }
    }

    fn features(&self) -> String {
        let mut features = "250-test\r\n250-8BITMIME\r\n".to_owned();
        if self.script.tls.is_some() && !self.encrypted {
            features.push_str("250-STARTTLS\r\n");
        }
        features + "250 AUTH PLAIN LOGIN"
    }

    /// A client that does not trust the certificate leaves here.
    async fn encrypt(&mut self, stream: BufReader<Box<dyn Stream>>) -> Option<BufReader<Box<dyn Stream>>> {
        self.encrypted = true;
        let acceptor = TlsAcceptor::from(self.script.tls.clone().unwrap());
        let stream: Box<dyn Stream> = Box::new(acceptor.accept(stream.into_inner()).await.ok()?);
        Some(BufReader::new(stream))
    }
}

fn address(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap().to_owned()
}
