//! No secret gets out: after a whole day of a workspace none stands in the log, the audit log, an error, the metrics or
//! the database.

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use opencom_core::auth::token;
use opencom_testkit::Database;
use reqwest::Client;
use serde_json::{Value, json};

use crate::binary::{Server, free_address};
use crate::sync::socket::Socket;

const PASSWORD: &str = "correct-horse-battery";
const WRONG_PASSWORD: &str = "wrong-horse-battery";

/// What was used so far, and what was refused.
struct Day<'a> {
    server: &'a Server,
    client: Client,
    /// Name and text of each secret.
    secrets: Vec<(&'static str, String)>,
    errors: String,
}

impl Day<'_> {
    fn keep(&mut self, name: &'static str, secret: &Value) -> String {
        let secret = secret.as_str().unwrap_or_else(|| panic!("{name}: {secret}")).to_owned();
        assert!(secret.len() >= 6, "{name} is too short to be looked for");
        self.secrets.push((name, secret.clone()));
        secret
    }

    async fn call(&mut self, route: &str, path: &str, args: Value, token: Option<&str>) -> Value {
        let body = json!({ "path": path, "args": args }).to_string();
        let mut request = self.client.post(format!("{}/api/{route}", self.server.url)).body(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let text = request.send().await.unwrap().text().await.unwrap();
        let envelope: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if envelope["status"] != "success" {
            self.errors.push_str(&text);
            self.errors.push('\n');
        }
        envelope["value"].clone()
    }

    /// Signs in or up, and keeps the tokens.
    async fn sign_in(&mut self, params: Value) -> (String, String) {
        let provider = if params.get("flow").is_some() {
            "password"
        } else {
            "resend-otp"
        };
        let request = json!({ "provider": provider, "params": params });
        let signed_in = self.call("action", "auth:signIn", request, None).await;
        let tokens = &signed_in["tokens"];
        let refresh = self.keep("a refresh token", &tokens["refreshToken"]);
        let secret = refresh.split('|').next().unwrap_or_default().to_owned();
        self.secrets.push(("the secret part of a refresh token", secret));
        (self.keep("an access token", &tokens["token"]), refresh)
    }
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Dump {
    #[diesel(sql_type = Text)]
    text: String,
}

/// All rows of a table, as text.
async fn dump(connection: &mut AsyncPgConnection, table: &str) -> String {
    let sql = format!("SELECT coalesce(string_agg(r::text, E'\\n'), '') AS text FROM \"{table}\" AS r");
    let rows: Vec<Dump> = diesel::sql_query(sql).load(connection).await.unwrap();
    rows.into_iter().map(|row| row.text).collect()
}

async fn tables(connection: &mut AsyncPgConnection) -> Vec<String> {
    let sql = "SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = 'public'";
    let names: Vec<Name> = diesel::sql_query(sql).load(connection).await.unwrap();
    names.into_iter().map(|name| name.name).collect()
}

/// The code in the newest recorded mail.
fn code_in_mail(directory: &std::path::Path) -> String {
    let mut mails: Vec<_> = std::fs::read_dir(directory.join("mail"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    mails.sort();
    let text = std::fs::read_to_string(mails.last().unwrap()).unwrap();
    let digits = |word: &str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .find(|word| digits(word))
        .unwrap_or_else(|| panic!("{text}"))
        .to_owned()
}

/// Sign-ups, codes, sessions, identity verification, uploads, and what goes wrong with each.
async fn live_through(day: &mut Day<'_>, directory: &std::path::Path) {
    let (ada, refresh) = day
        .sign_in(json!({ "flow": "signUp", "email": "ada@example.com", "password": PASSWORD }))
        .await;
    let ws = day.call("query", "auth:currentUser", json!({}), Some(&ada)).await["user"]["workspaceId"].clone();
    for password in [WRONG_PASSWORD, PASSWORD] {
        let again = json!({ "flow": "signUp", "email": "ada@example.com", "password": password });
        let request = json!({ "provider": "password", "params": again });
        day.call("action", "auth:signIn", request, None).await;
    }
    let wrong = json!({ "flow": "signIn", "email": "ada@example.com", "password": WRONG_PASSWORD });
    let wrong = json!({ "provider": "password", "params": wrong });
    day.call("action", "auth:signIn", wrong, None).await;
    let refreshed = day
        .call("action", "auth:signIn", json!({ "refreshToken": refresh }), None)
        .await;
    day.keep("a refreshed token", &refreshed["tokens"]["refreshToken"]);
    let half = refresh.split('|').next().unwrap_or_default();
    for bad in [half, &format!("{refresh}x"), &format!("|{refresh}")] {
        day.call("action", "auth:signIn", json!({ "refreshToken": bad }), None)
            .await;
    }

    let request = json!({ "provider": "resend-otp", "params": { "email": "ada@example.com" } });
    day.call("action", "auth:signIn", request, None).await;
    let code = code_in_mail(directory);
    day.secrets.push(("a code", code.clone()));
    let by_code = json!({ "email": "ada@example.com", "code": code });
    day.sign_in(by_code.clone()).await;
    let used = json!({ "provider": "resend-otp", "params": by_code });
    day.call("action", "auth:signIn", used, None).await;

    // Over the socket, where answers are kept for those that ask again.
    let mut socket = Socket::npm(&day.server.url).await;
    socket.authenticate(Some(&ada)).await;
    let of_ws = json!({ "workspaceId": ws });
    socket.mutate(0, "identityVerification:enable", of_ws.clone()).await;
    let enabled = socket.settled(0).await;
    let old = day.keep("an HMAC secret", &enabled["result"]["secret"]);
    let boot = json!({ "workspaceId": ws, "sessionId": "socket" });
    socket.mutate(1, "widgetSessions:boot", boot).await;
    let booted = socket.settled(1).await;
    day.keep("a visitor's token", &booted["result"]["sessionToken"]);

    let rotated = day
        .call(
            "mutation",
            "identityVerification:rotateSecret",
            of_ws.clone(),
            Some(&ada),
        )
        .await;
    let secret = day.keep("another HMAC secret", &rotated["secret"]);
    day.call("query", "identityVerification:getSecret", of_ws.clone(), Some(&ada))
        .await;
    let required = json!({ "workspaceId": ws, "mode": "required" });
    day.call("mutation", "identityVerification:updateMode", required, Some(&ada))
        .await;
    for hash in [token::user_hash(&old, "u1"), token::user_hash(&secret, "u1")] {
        let boot = json!({ "workspaceId": ws, "sessionId": "s", "externalUserId": "u1", "userHash": hash });
        day.secrets.push(("a user hash", hash));
        let booted = day.call("mutation", "widgetSessions:boot", boot, None).await;
        if booted.is_null() {
            continue;
        }
        let visitor = day.keep("a verified visitor's token", &booted["sessionToken"]);
        let upload = json!({ "workspaceId": ws, "sessionToken": visitor });
        let path = "supportAttachments:generateUploadUrl";
        let url = day.call("mutation", path, upload, None).await;
        let url = url.as_str().unwrap().rsplit_once("token=").unwrap().1.to_owned();
        day.secrets.push(("an upload token", url.clone()));
        let refreshed = day
            .call(
                "mutation",
                "widgetSessions:refresh",
                json!({ "sessionToken": visitor }),
                None,
            )
            .await;
        day.keep("a rotated visitor's token", &refreshed["sessionToken"]);
        // What is over, or is something else, is refused with words of its own.
        for (path, token) in [
            ("conversations:createForVisitor", &visitor),
            ("conversations:createForVisitor", &secret),
            ("widgetSessions:refresh", &visitor),
        ] {
            let mut request = json!({ "sessionToken": token });
            if path != "widgetSessions:refresh" {
                request["workspaceId"] = ws.clone();
            }
            day.call("mutation", path, request, None).await;
        }
        // In the wrong place.
        let wrong = json!({ "workspaceId": secret, "sessionToken": 7, "bogus": visitor });
        day.call("mutation", "conversations:createForVisitor", wrong, None)
            .await;
    }
    day.call("query", "auth:currentUser", json!({}), Some(&format!("{ada}x")))
        .await;
    let invite = json!({ "workspaceId": ws, "email": "bob@example.com", "role": "agent", "baseUrl": "https://a.com" });
    day.call("action", "workspaceMembers:inviteToWorkspace", invite, Some(&ada))
        .await;
    day.call("mutation", "identityVerification:disable", of_ws.clone(), Some(&ada))
        .await;
    day.call("action", "auth:signOut", json!({}), Some(&ada)).await;
    day.call("query", "auditLogs:exportLogs", of_ws, Some(&ada)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_whole_day_gets_out() {
    let database = Database::create().await;
    let directory = tempfile::tempdir().unwrap();
    let address = free_address();
    let server = Server::start_talking(&database, directory.path(), &address).await;
    let mut day = Day {
        server: &server,
        client: crate::wire::client(),
        secrets: vec![
            ("a password", PASSWORD.to_owned()),
            ("a wrong password", WRONG_PASSWORD.to_owned()),
        ],
        errors: String::new(),
    };
    live_through(&mut day, directory.path()).await;
    let master = std::fs::read_to_string(directory.path().join("master.key")).unwrap();
    day.secrets.push(("the master key", master.trim().to_owned()));
    let metrics = day.client.get(format!("{}/metrics", server.url)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let log = server.log().join("\n");
    let connection = &mut database.connection().await;

    // There is something to look through.
    assert!(day.errors.lines().count() >= 12, "{}", day.errors);
    assert!(metrics.contains("opencom_calls_total"), "{metrics}");
    assert!(log.lines().count() >= 3, "{log}");
    let mut places = vec![
        ("the log".to_owned(), log),
        ("an error".to_owned(), day.errors.clone()),
        ("the metrics".to_owned(), metrics),
    ];
    for table in tables(connection).await {
        let rows = dump(connection, &table).await;
        assert!(
            table != "audit_logs" || rows.contains("widget.identity.secret.rotated"),
            "{rows}"
        );
        places.push((table, rows));
    }
    let mut found = Vec::new();
    for (place, text) in &places {
        for (name, secret) in &day.secrets {
            // Six digits stand in many a time and id.
            let is_code = *name == "a code" && place != "audit_logs" && place != "an error" && place != "jobs";
            let in_hex = hex::encode(secret);
            if !is_code && (text.contains(secret.as_str()) || text.contains(&in_hex)) {
                found.push(format!("{name} stands in {place}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
