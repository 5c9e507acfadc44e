//! Sessions of the console and links that open one; only digests are stored.

use lgsp_base::Sha256;
use lgsp_base::time::Timestamp;

use crate::error::StoreError;
use crate::params;
use crate::tx::Tx;

/// A row of `console_sessions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Digest of the cookie.
    pub session_sha256: Sha256,
    /// Digest of the API token with which it was opened.
    pub token_sha256: Sha256,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The last sign of life.
    pub seen_at: Timestamp,
}

/// A row of `console_links`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRow {
    /// Digest of the link's secret.
    pub link_sha256: Sha256,
    /// Digest of the API token for which it stands.
    pub token_sha256: Sha256,
    /// When it stops working.
    pub expires_at: Timestamp,
}

impl Tx<'_> {
    /// Adds a session.
    pub fn console_session_insert(&mut self, row: &SessionRow) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO console_sessions (session_sha256, token_sha256, opened_at, seen_at)
             VALUES ($1, $2, $3, $4)",
            params![
                row.session_sha256,
                row.token_sha256,
                row.opened_at,
                row.seen_at
            ],
        )
        .map(drop)
    }

    /// The session of a cookie, whether it is still good or not.
    pub fn console_session_lookup(
        &mut self,
        session: Sha256,
    ) -> Result<Option<SessionRow>, StoreError> {
        self.query_opt(
            "SELECT session_sha256, token_sha256, opened_at, seen_at FROM console_sessions
             WHERE session_sha256 = $1",
            params![session],
            |row| {
                Ok(SessionRow {
                    session_sha256: row.sha256(0)?,
                    token_sha256: row.sha256(1)?,
                    opened_at: row.time(2)?,
                    seen_at: row.time(3)?,
                })
            },
        )
    }

    /// Writes a sign of life down, unless a later one is there; false when there is no such session.
    pub fn console_session_touch(
        &mut self,
        session: Sha256,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let written = self.execute(
            "UPDATE console_sessions SET seen_at = $2 WHERE session_sha256 = $1 AND seen_at < $2",
            params![session, at],
        )?;
        Ok(written == 1)
    }

    /// Removes a session; false when there is none.
    pub fn console_session_delete(&mut self, session: Sha256) -> Result<bool, StoreError> {
        let written = self.execute(
            "DELETE FROM console_sessions WHERE session_sha256 = $1",
            params![session],
        )?;
        Ok(written == 1)
    }

    /// Removes the sessions that gave no sign of life since `seen`, or were opened before `opened`, and gives their number.
    pub fn console_session_purge(
        &mut self,
        seen: Timestamp,
        opened: Timestamp,
    ) -> Result<u64, StoreError> {
        self.execute(
            "DELETE FROM console_sessions WHERE seen_at <= $1 OR opened_at <= $2",
            params![seen, opened],
        )
    }

    /// Adds a link.
    pub fn console_link_insert(&mut self, row: &LinkRow) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO console_links (link_sha256, token_sha256, expires_at, used_at)
             VALUES ($1, $2, $3, NULL)",
            params![row.link_sha256, row.token_sha256, row.expires_at],
        )
        .map(drop)
    }

    /// Uses a link up and gives the digest of its token; `None` for one that is unknown, used before or too old.
    pub fn console_link_use(
        &mut self,
        link: Sha256,
        at: Timestamp,
    ) -> Result<Option<Sha256>, StoreError> {
        self.query_opt(
            "UPDATE console_links SET used_at = $2
             WHERE link_sha256 = $1 AND used_at IS NULL AND expires_at > $2
             RETURNING token_sha256",
            params![link, at],
            |row| row.sha256(0),
        )
    }

    /// Removes the links that stopped working before an instant, and gives their number.
    pub fn console_link_purge(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        self.execute(
            "DELETE FROM console_links WHERE expires_at < $1",
            params![before],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::for_each_engine;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn sessions_live_by_their_signs_of_life() {
        for_each_engine("console-sessions", |test| {
            let row = |name: &[u8], opened| SessionRow {
                session_sha256: Sha256::of(name),
                token_sha256: Sha256::of(b"token"),
                opened_at: at(opened),
                seen_at: at(opened),
            };
            let (old, new) = (row(b"old", 10), row(b"new", 20));
            let (first, second) = (old.clone(), new.clone());
            let left = test
                .db()
                .write("test", move |tx| {
                    tx.console_session_insert(&first)?;
                    tx.console_session_insert(&second)?;
                    assert!(tx.console_session_touch(first.session_sha256, at(30))?);
                    assert!(!tx.console_session_touch(first.session_sha256, at(30))?);
                    assert!(!tx.console_session_touch(Sha256::of(b"none"), at(30))?);
                    let touched = tx.console_session_lookup(first.session_sha256)?;
                    assert_eq!(touched.map(|row| row.seen_at), Some(at(30)));
                    // The new one gave no sign since 20; the old one did, but is opened before 15.
                    assert_eq!(tx.console_session_purge(at(20), at(5))?, 1);
                    let left = tx.console_session_lookup(second.session_sha256)?;
                    assert_eq!(tx.console_session_purge(at(20), at(15))?, 1);
                    assert!(!tx.console_session_delete(first.session_sha256)?);
                    Ok::<_, StoreError>(left)
                })
                .wait()
                .expect("written");
            assert_eq!(left, None);
        });
    }

    #[test]
    fn a_link_opens_once_and_not_after_its_time() {
        for_each_engine("console-links", |test| {
            let (link, token) = (Sha256::of(b"link"), Sha256::of(b"token"));
            let row = LinkRow {
                link_sha256: link,
                token_sha256: token,
                expires_at: at(100),
            };
            test.db()
                .write("test", move |tx| {
                    tx.console_link_insert(&row)?;
                    assert_eq!(tx.console_link_use(link, at(100))?, None);
                    assert_eq!(tx.console_link_use(link, at(99))?, Some(token));
                    Ok::<_, StoreError>(())
                })
                .wait()
                .expect("written");
            test.reopen().expect("opened again");
            let again = test
                .db()
                .write("test", move |tx| {
                    let again = tx.console_link_use(link, at(99))?;
                    assert_eq!(tx.console_link_purge(at(100))?, 0);
                    assert_eq!(tx.console_link_purge(at(101))?, 1);
                    Ok::<_, StoreError>(again)
                })
                .wait()
                .expect("written");
            assert_eq!(again, None);
        });
    }
}
