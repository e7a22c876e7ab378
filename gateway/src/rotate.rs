//! `opencom rotate`: new secrets in the place of those in use, while servers run.

use diesel_async::{AsyncConnection, AsyncPgConnection};
use opencom_admin::auth::keys::{self, Exchange};
use opencom_core::Millis;
use opencom_core::auth::seal::MasterKey;
use opencom_runtime::reseal::{Found, Sealed};
use opencom_runtime::{Clock, access, bus, database, requests};

use crate::config::{Config, RotateMasterKey, RotateSessions, RotateSigningKey};
use crate::program::print;
use crate::secrets::{self, KeyFile};
use crate::setup::{Database, Fault};

/// Every column of sealed secrets.
pub const SEALED: [Sealed; 3] = [keys::SEALED, access::SEALED, requests::SEALED];

/// Under which keys all of them are.
pub(crate) async fn look(connection: &mut AsyncPgConnection, key: &MasterKey) -> Result<Found, Fault> {
    let mut all = Found::default();
    for sealed in SEALED {
        let found = sealed.look(connection, key).await?;
        all.current += found.current;
        all.earlier += found.earlier;
        all.unknown += found.unknown;
    }
    Ok(all)
}

/// A connection to a database that this program knows.
async fn connect(database: &Database) -> Result<AsyncPgConnection, Fault> {
    let pending = database::inspect(&database.url).await?.pending;
    if pending > 0 {
        return Err(
            format!("the database lacks {pending} migrations; run `opencom migrate`, or start the server").into(),
        );
    }
    Ok(AsyncPgConnection::establish(&database.url).await?)
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
    let connection = &mut connect(&database).await?;
    for sealed in SEALED {
        sealed.renew(connection, &key).await?;
    }
    let found = look(connection, &key).await?;
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
    let master_key = secrets::master_key(&config)?;
    let database = Database::reach(&config).await?;
    let connection = &mut connect(&database).await?;
    let how = if at_once { Exchange::AtOnce } else { Exchange::Smooth };
    keys::exchange(connection, &master_key, Clock::system().now(), how).await?;
    print(&if at_once {
        "There is one new key. Servers take it within seconds, and refuse every token that was signed before.\n"
            .to_owned()
    } else {
        format!(
            "There is a new key. Servers sign with it in {} minutes; the one so far is good for an hour after that.\n",
            keys::SIGNS_AFTER / Millis::MINUTE
        )
    })?;
    database.close().await
}

/// Ends sessions.
pub(crate) async fn sessions(command: RotateSessions) -> Result<(), Fault> {
    let RotateSessions { visitors, config } = command;
    let database = Database::reach(&config).await?;
    let connection = &mut connect(&database).await?;
    let agents = opencom_admin::auth::end_all_sessions(connection).await?;
    let ended = if visitors {
        let visitors = opencom_inbox::widget_sessions::end_all_sessions(connection).await?;
        format!("{agents} sessions of agents and {visitors} of visitors have ended.\n")
    } else {
        format!("{agents} sessions of agents have ended.\n")
    };
    // Servers remember whose sessions stand.
    bus::tell_everything(connection).await?;
    print(&ended)?;
    database.close().await
}
