//! Who is logged in.
//!
//! The rest of the console sees a cookie become an [`Actor`] and nothing else, through the trait [`Sessions`]; accounts with
//! names and roles are another implementation of it. The one here, [`StoreSessions`], takes the API tokens of operators and
//! systems, and links that open one session once.

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lgsp_base::hash::to_hex;
use lgsp_base::problem::kinds;
use lgsp_base::{Actor, Clock, Entropy, Problem, Secret, Sha256, Timestamp, limits};
use lgsp_registry::{Registry, Token};
use lgsp_store::console::{LinkRow, SessionRow};
use lgsp_store::{Db, StoreError};
use lgsp_wire::record::Record;

/// Bytes of the secret in a cookie or link.
const SECRET_BYTES: usize = 32;

/// What a visitor shows at the door.
pub enum Credential {
    /// An API token.
    Token(Secret<String>),
    /// The secret of a link that opens one session.
    Link(Secret<String>),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credential::Token(_) => "Token",
            Credential::Link(_) => "Link",
        })
    }
}

/// An open session.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// Whose.
    pub actor: Actor,
    /// How the page greets the visitor: the name of the token, or of the system.
    pub name: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it ends, whatever happens.
    pub ends_at: Timestamp,
}

/// Why nobody was let in.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The credential opens nothing: wrong, revoked, used up or too old.
    #[error("the credential opens no session")]
    Refused,
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl OpenError {
    /// The same for people and machines.
    pub fn to_problem(&self) -> Problem {
        match self {
            OpenError::Refused => kinds::AUTH_INVALID.problem(),
            OpenError::Store(error) => error.to_problem(),
        }
    }
}

/// Opens sessions, finds and closes them. Cookies are secrets: implementations keep only digests.
pub trait Sessions: Send + Sync + fmt::Debug {
    /// Opens a session and gives the cookie's value. `from` says where the visitor is, for the ledger.
    fn open<'a>(
        &'a self,
        credential: Credential,
        from: &'a str,
    ) -> BoxFuture<'a, Result<Secret<String>, OpenError>>;

    /// The session of a cookie, if it is still good. `is_visit` is false for what a page asks by itself: that is no sign
    /// of life.
    fn find<'a>(
        &'a self,
        cookie: &'a str,
        is_visit: bool,
    ) -> BoxFuture<'a, Result<Option<SessionView>, StoreError>>;

    /// Ends a session.
    fn close<'a>(&'a self, cookie: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// Sessions of API tokens, kept in the store.
#[derive(Debug, Clone)]
pub struct StoreSessions {
    db: Db,
    registry: Registry,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl StoreSessions {
    /// Puts it together.
    pub fn new(
        db: Db,
        registry: Registry,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            db,
            registry,
            clock,
            entropy,
        }
    }

    /// Makes the secret of a link that opens one session for the bearer of a token, within
    /// [`limits::CONSOLE_LINK_LIFE`]: `/?k=…`.
    ///
    /// # Errors
    /// [`OpenError::Refused`] for a token that opens nothing itself; the store fails.
    pub async fn issue_link(&self, token: &str) -> Result<Secret<String>, OpenError> {
        let digest = Token::parse(token).map_err(|_| OpenError::Refused)?.hash();
        self.actor_of(digest).ok_or(OpenError::Refused)?;
        let secret = self.secret();
        let now = self.clock.now();
        let row = LinkRow {
            link_sha256: digest_of(secret.expose()),
            token_sha256: digest,
            expires_at: now.plus(limits::CONSOLE_LINK_LIFE),
        };
        self.db
            .write("console_link_issue", move |tx| {
                tx.console_link_purge(now)?;
                tx.console_link_insert(&row)
            })
            .await?;
        Ok(secret)
    }

    /// Actor and name behind the digest of a usable token.
    fn actor_of(&self, token: Sha256) -> Option<(Actor, String)> {
        let snapshot = self.registry.snapshot();
        let record = snapshot.token(&token)?;
        match record.system {
            None => Some((Actor::Operator { token: record.id }, record.name.clone())),
            Some(id) => {
                let system = snapshot.system(id).filter(|system| system.is_active)?;
                let actor = Actor::System {
                    system: system.id,
                    org: system.org,
                };
                Some((actor, system.name.clone()))
            }
        }
    }

    fn secret(&self) -> Secret<String> {
        let mut bytes = [0u8; SECRET_BYTES];
        self.entropy.fill(&mut bytes);
        Secret::new(to_hex(&bytes))
    }

    fn salt(&self) -> [u8; 32] {
        let mut salt = [0u8; 32];
        self.entropy.fill(&mut salt);
        salt
    }

    /// The digest of the token behind a credential.
    async fn token_of(&self, credential: &Credential) -> Result<Option<Sha256>, StoreError> {
        match credential {
            Credential::Token(token) => Ok(Token::parse(token.expose().trim())
                .ok()
                .map(|token| token.hash())),
            Credential::Link(link) => {
                let (digest, now) = (digest_of(link.expose()), self.clock.now());
                self.db
                    .write("console_link_use", move |tx| {
                        tx.console_link_use(digest, now)
                    })
                    .await
            }
        }
    }

    async fn open_session(
        &self,
        credential: Credential,
        from: &str,
    ) -> Result<Secret<String>, OpenError> {
        let token = self.token_of(&credential).await?;
        let by = match credential {
            Credential::Token(_) => "token",
            Credential::Link(_) => "link",
        };
        let found = token.and_then(|token| Some((token, self.actor_of(token)?)));
        let Some((token, (actor, _))) = found else {
            self.refuse(by, from).await?;
            return Err(OpenError::Refused);
        };
        let secret = self.secret();
        let now = self.clock.now();
        let row = SessionRow {
            session_sha256: digest_of(secret.expose()),
            token_sha256: token,
            opened_at: now,
            seen_at: now,
        };
        let record = Record::new()
            .with("actor", actor.label())
            .with("by", by)
            .with("from", from);
        let salt = self.salt();
        self.db
            .write("console_session_open", move |tx| {
                tx.console_session_purge(
                    now.minus(limits::CONSOLE_SESSION_IDLE),
                    now.minus(limits::CONSOLE_SESSION_LIFE),
                )?;
                tx.console_session_insert(&row)?;
                tx.ledger_append(now, "session.opened", None, &record, salt)
            })
            .await?;
        Ok(secret)
    }

    async fn refuse(&self, by: &'static str, from: &str) -> Result<(), StoreError> {
        let (now, salt) = (self.clock.now(), self.salt());
        // Nobody is known: it is our own door that tells.
        let actor = Actor::Platform { part: "console" };
        let record = Record::new()
            .with("actor", actor.label())
            .with("by", by)
            .with("from", from);
        self.db
            .write("console_session_refuse", move |tx| {
                tx.ledger_append(now, "session.refused", None, &record, salt)
            })
            .await
            .map(drop)
    }

    async fn find_session(
        &self,
        cookie: &str,
        is_visit: bool,
    ) -> Result<Option<SessionView>, StoreError> {
        let digest = digest_of(cookie);
        let row = self
            .db
            .read("console_session_find", move |tx| {
                tx.console_session_lookup(digest)
            })
            .await?;
        let now = self.clock.now();
        let Some(row) = row.filter(|row| is_good(row, now)) else {
            return Ok(None);
        };
        let Some((actor, name)) = self.actor_of(row.token_sha256) else {
            return Ok(None);
        };
        if is_visit && now.since(row.seen_at) >= limits::CONSOLE_SESSION_TOUCH {
            self.db
                .write("console_session_touch", move |tx| {
                    tx.console_session_touch(digest, now)
                })
                .await?;
        }
        Ok(Some(SessionView {
            actor,
            name,
            opened_at: row.opened_at,
            ends_at: row.opened_at.plus(limits::CONSOLE_SESSION_LIFE),
        }))
    }

    async fn close_session(&self, cookie: &str) -> Result<(), StoreError> {
        let digest = digest_of(cookie);
        let Some(session) = self.find_session(cookie, false).await? else {
            return Ok(());
        };
        let (now, salt) = (self.clock.now(), self.salt());
        let record = Record::new().with("actor", session.actor.label());
        self.db
            .write("console_session_close", move |tx| {
                if tx.console_session_delete(digest)? {
                    tx.ledger_append(now, "session.closed", None, &record, salt)?;
                }
                Ok(())
            })
            .await
    }
}

/// True while neither the time without a sign of life nor the whole time is over.
fn is_good(row: &SessionRow, now: Timestamp) -> bool {
    now.since(row.seen_at) < limits::CONSOLE_SESSION_IDLE
        && now.since(row.opened_at) < limits::CONSOLE_SESSION_LIFE
}

fn digest_of(secret: &str) -> Sha256 {
    Sha256::of(secret.as_bytes())
}

impl Sessions for StoreSessions {
    fn open<'a>(
        &'a self,
        credential: Credential,
        from: &'a str,
    ) -> BoxFuture<'a, Result<Secret<String>, OpenError>> {
        self.open_session(credential, from).boxed()
    }

    fn find<'a>(
        &'a self,
        cookie: &'a str,
        is_visit: bool,
    ) -> BoxFuture<'a, Result<Option<SessionView>, StoreError>> {
        self.find_session(cookie, is_visit).boxed()
    }

    fn close<'a>(&'a self, cookie: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        self.close_session(cookie).boxed()
    }
}
