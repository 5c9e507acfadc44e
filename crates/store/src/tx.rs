//! A transaction as a closure sees it.

use std::fmt;

use lgsp_base::planted::{Bug, Planted};

use crate::dialect::Engine;
use crate::error::StoreError;
use crate::postgres::Session;
use crate::sqlite::{Sql, Statements};
use crate::value::{Param, Row};

/// The engine's side of a transaction.
pub(crate) enum Conn<'c> {
    Sqlite(&'c dyn Statements),
    Postgres(&'c mut Session),
}

/// A transaction: statements with `$1` parameters, and the methods of each domain.
///
/// After a statement failed, the transaction is lost on both engines: further statements say
/// [`StoreError::Aborted`], and an `Ok` of the closure is replaced by the error. Expected conflicts are therefore written
/// as `ON CONFLICT … DO NOTHING` and seen in the number of rows.
pub struct Tx<'c> {
    conn: Conn<'c>,
    failure: Option<StoreError>,
    planted: Planted,
}

impl<'c> Tx<'c> {
    pub(crate) const fn new(conn: Conn<'c>, planted: Planted) -> Self {
        Self {
            conn,
            failure: None,
            planted,
        }
    }

    /// Which engine runs it.
    pub const fn engine(&self) -> Engine {
        match self.conn {
            Conn::Sqlite(_) => Engine::Sqlite,
            Conn::Postgres(_) => Engine::Postgres,
        }
    }

    /// True if this deliberate fault is switched on.
    pub const fn planted(&self, bug: Bug) -> bool {
        self.planted.has(bug)
    }

    /// The error of the statement that lost this transaction.
    pub(crate) fn failure(&self) -> Option<StoreError> {
        self.failure.clone()
    }

    /// Runs a statement and gives the number of rows it changed.
    pub fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        self.run(Sql::Fixed(sql), params)
    }

    /// Like [`Tx::execute`], for a text put together at run time from constant parts; values always go into `params`.
    pub fn execute_dyn(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        self.run(Sql::Built(sql), params)
    }

    fn run(&mut self, sql: Sql<'_>, params: &[Param<'_>]) -> Result<u64, StoreError> {
        self.guarded(|conn| match conn {
            Conn::Sqlite(statements) => statements.execute(sql, params),
            Conn::Postgres(session) => session.execute(sql.text(), params),
        })
    }

    /// Adds a row to a table with a growing key and gives the key. SQLite makes a whole temporary table for `RETURNING`, so
    /// the text comes without it.
    pub fn insert(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<i64, StoreError> {
        self.guarded(|conn| match conn {
            Conn::Sqlite(statements) => {
                statements.execute(Sql::Fixed(sql), params)?;
                Ok(statements.last_key())
            }
            Conn::Postgres(session) => {
                let mut key = Err(StoreError::Missing);
                let sql = format!("{sql} RETURNING id");
                session.visit(&sql, params, &mut |row| key = row.int(0))?;
                key
            }
        })
    }

    /// Reads every row.
    pub fn query<T>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        row: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.collect(Sql::Fixed(sql), params, row)
    }

    /// Like [`Tx::query`], for a text put together at run time from constant parts; values always go into `params`.
    pub fn query_dyn<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        row: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.collect(Sql::Built(sql), params, row)
    }

    fn collect<T>(
        &mut self,
        sql: Sql<'_>,
        params: &[Param<'_>],
        mut row: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut rows = Vec::new();
        self.visit(sql, params, &mut |found| {
            rows.push(row(found)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Reads the first row, if there is one.
    pub fn query_opt<T>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        mut row: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut first = None;
        self.visit(Sql::Fixed(sql), params, &mut |found| {
            if first.is_none() {
                first = Some(row(found)?);
            }
            Ok(())
        })?;
        Ok(first)
    }

    /// Reads the first row; [`StoreError::Missing`] if there is none.
    pub fn query_one<T>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        row: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.query_opt(sql, params, row)?.ok_or(StoreError::Missing)
    }

    fn visit(
        &mut self,
        sql: Sql<'_>,
        params: &[Param<'_>],
        row: &mut dyn FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        // A value that does not decode is not an error of the statement: the transaction lives on.
        let mut decoded = Ok(());
        self.guarded(|conn| {
            let mut each = |found: &Row<'_>| {
                if decoded.is_ok() {
                    decoded = row(found);
                }
            };
            match conn {
                Conn::Sqlite(statements) => statements.visit(sql, params, &mut each),
                Conn::Postgres(session) => session.visit(sql.text(), params, &mut each),
            }
        })?;
        decoded
    }

    fn guarded<T>(
        &mut self,
        run: impl FnOnce(&mut Conn<'c>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.failure.is_some() {
            return Err(StoreError::Aborted);
        }
        let result = run(&mut self.conn);
        if let Err(error) = &result {
            self.failure = Some(error.clone());
        }
        result
    }
}

impl fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx")
            .field("engine", &self.engine())
            .finish()
    }
}
