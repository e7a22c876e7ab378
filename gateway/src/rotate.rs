//! `opencom rotate`: new secrets in the place of those in use, while servers run.

use std::sync::Arc;

use diesel_async::{AsyncConnection, AsyncPgConnection};
use opencom_contract::auth::{self, InternalRotateSigningKey, SIGNS_AFTER};
use opencom_contract::widget_sessions;
use opencom_core::auth::seal::MasterKey;
use opencom_core::{Int, Millis};
use opencom_runtime::reseal::{Found, Sealed};
use opencom_runtime::{Caller, Context, bus, database, requests};

use crate::compose::App;
use crate::config::{Config, RotateMasterKey, RotateSessions, RotateSigningKey};
use crate::program::print;
use crate::secrets::{self, KeyFile};
use crate::setup::{Database, Fault, assemble, check};

/// Every column of sealed secrets of this server.
pub fn sealed_columns(contexts: &[Arc<dyn Context>]) -> Vec<Sealed> {
    let of_contexts = contexts.iter().flat_map(|context| context.sealed_columns());
    of_contexts.copied().chain([requests::SEALED]).collect()
}

/// Counts the secrets by the key that seals them.
pub(crate) async fn look(
    connection: &mut AsyncPgConnection,
    columns: &[Sealed],
    key: &MasterKey,
) -> Result<Found, Fault> {
    let mut all = Found::default();
    for sealed in columns {
        let found = sealed.look(connection, key).await?;
        all.current += found.current;
        all.earlier += found.earlier;
        all.unknown += found.unknown;
    }
    Ok(all)
}

/// Composes the contexts on a database that this program knows.
async fn reach(config: &Config, database: &Database) -> Result<App, Fault> {
    check_migrations(database).await?;
    assemble(config, check(config)?, &database.url).await
}

async fn check_migrations(database: &Database) -> Result<(), Fault> {
    let pending = database::inspect(&database.url).await?.pending;
    if pending > 0 {
        return Err(
            format!("the database lacks {pending} migrations; run `opencom migrate`, or start the server").into(),
        );
    }
    Ok(())
}

/// Seals everything anew under the master key.
pub(crate) async fn master_key(command: RotateMasterKey) -> Result<(), Fault> {
    let RotateMasterKey { forget, config } = command;
    let given = config.master_key.is_some();
    if given && forget {
        return Err("the keys come from the environment: take OPENCOM_MASTER_KEY_PREVIOUS away to forget them".into());
    }
    let database = Database::reach(&config).await?;
    if !secrets::master_key(&config)?.has_previous() {
        if given {
            return Err("there is no earlier key to change from. Make a new key (openssl rand -hex 32), set it as OPENCOM_MASTER_KEY \
                        and the one so far as OPENCOM_MASTER_KEY_PREVIOUS, restart the servers, and run this again"
                .into());
        }
        if forget {
            return Err("there is no earlier key to forget".into());
        }
        add_key(&config)?;
        if !database.is_own() {
            print(
                "A new master key is in the first line of the key file, and the one so far below it.\n\
                 Restart every server that uses the file, then run this again to seal everything anew.\n",
            )?;
            return database.close().await;
        }
    }
    let key = secrets::master_key(&config)?;
    let columns = sealed_columns(&reach(&config, &database).await?.contexts);
    let connection = &mut AsyncPgConnection::establish(&database.url).await?;
    for sealed in &columns {
        sealed.renew(connection, &key).await?;
    }
    let found = look(connection, &columns, &key).await?;
    print(&format!(
        "{} secrets are under the master key {}, {} under an earlier one, {} under none that is known.\n",
        found.current,
        key.fingerprint(),
        found.earlier,
        found.unknown
    ))?;
    if found.unknown > 0 {
        return Err(
            "some secrets open under none of the keys: give the one that sealed them as OPENCOM_MASTER_KEY_PREVIOUS"
                .into(),
        );
    }
    if found.earlier > 0 {
        return Err(
            "servers still seal under an earlier key: restart them with the new one, and run this again".into(),
        );
    }
    print(&match (given, forget) {
        (true, _) => "The earlier key is of no use but to recognise answers to mails sent until now. Take OPENCOM_MASTER_KEY_PREVIOUS \
                      away when there are none to come, and restart the servers.\n"
            .to_owned(),
        (false, false) => "The earlier key stays in the file, to recognise answers to mails sent until now. Run this again with \
                           --forget when there are none to come.\n"
            .to_owned(),
        (false, true) => {
            let file = KeyFile::of(&config.data_dir);
            file.keep(&file.lines()?[..1])?;
            format!("{} has one key now. Restart the servers that use it, so that they forget the others.\n", file.place())
        }
    })?;
    database.close().await
}

/// Puts a new key in front of the one in the data directory.
fn add_key(config: &Config) -> Result<(), Fault> {
    let file = KeyFile::of(&config.data_dir);
    let mut lines = vec![secrets::new_key()?];
    lines.extend(file.lines()?);
    file.keep(&lines)?;
    Ok(())
}

/// Makes a new key to sign agents' tokens.
pub(crate) async fn signing_key(command: RotateSigningKey) -> Result<(), Fault> {
    let RotateSigningKey { at_once, config } = command;
    if config.jwt_private_key.is_some() {
        return Err(
            "the signing key comes from JWT_PRIVATE_KEY: set another one there (openssl genpkey -algorithm RSA), and \
                    restart the servers. Programs of agents renew their tokens by themselves"
                .into(),
        );
    }
    let database = Database::reach(&config).await?;
    let app = reach(&config, &database).await?;
    app.dispatcher
        .invoke(
            InternalRotateSigningKey::builder().at_once(at_once).build(),
            Caller::Anonymous,
        )
        .await?;
    print(&if at_once {
        "There is one new key. Servers take it within seconds, and refuse every token that was signed before.\n"
            .to_owned()
    } else {
        format!(
            "There is a new key. Servers sign with it in {} minutes; the one so far is good for an hour after that.\n",
            SIGNS_AFTER / Millis::MINUTE
        )
    })?;
    database.close().await
}

/// Ends sessions.
pub(crate) async fn sessions(command: RotateSessions) -> Result<(), Fault> {
    let RotateSessions { visitors, config } = command;
    let database = Database::reach(&config).await?;
    let dispatcher = reach(&config, &database).await?.dispatcher;
    let Int(agents) = dispatcher
        .invoke(auth::InternalEndAllSessions::default(), Caller::Anonymous)
        .await?;
    let ended = if visitors {
        let Int(visitors) = dispatcher
            .invoke(widget_sessions::InternalEndAllSessions::default(), Caller::Anonymous)
            .await?;
        format!("{agents} sessions of agents and {visitors} of visitors have ended.\n")
    } else {
        format!("{agents} sessions of agents have ended.\n")
    };
    // Servers cache sessions.
    bus::tell_everything(&mut AsyncPgConnection::establish(&database.url).await?).await?;
    print(&ended)?;
    database.close().await
}
