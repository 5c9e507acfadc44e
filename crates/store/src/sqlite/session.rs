//! Statements on one SQLite connection, prepared once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use rusqlite::Connection;

use super::classify;
use crate::error::StoreError;
use crate::value::{Param, Row};

/// The text of a statement.
#[derive(Clone, Copy)]
pub(crate) enum Sql<'a> {
    /// Stands in the program.
    Fixed(&'static str),
    /// Put together at run time.
    Built(&'a str),
}

impl<'a> Sql<'a> {
    pub(crate) const fn text(self) -> &'a str {
        match self {
            Sql::Fixed(text) => text,
            Sql::Built(text) => text,
        }
    }
}

/// What a transaction runs its statements on.
pub(crate) trait Statements {
    /// Runs a statement and gives the number of rows it changed.
    fn execute(&self, sql: Sql<'_>, params: &[Param<'_>]) -> Result<u64, StoreError>;

    /// Runs a query and shows every row.
    fn visit(
        &self,
        sql: Sql<'_>,
        params: &[Param<'_>],
        each: &mut dyn FnMut(&Row<'_>),
    ) -> Result<(), StoreError>;

    /// The key of the row that was added last.
    fn last_key(&self) -> i64;
}

/// A connection with its prepared statements. Fixed ones are found by their address: hashing a text of some hundred bytes
/// costs more than a small statement.
pub(crate) struct Session<'c> {
    conn: &'c Connection,
    fixed: RefCell<HashMap<(usize, usize), Prepared<'c>, BuildHasherDefault<AddressHasher>>>,
}

/// Spreads addresses over a table. Nobody outside chooses them, so no secret is needed, which would cost as much again as
/// finding the statement.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        // 2^64 divided by the golden ratio (Knuth, The Art of Computer Programming 6.4).
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn finish(&self) -> u64 {
        // A product is well mixed in its upper half only.
        self.0.rotate_left(32)
    }
}

struct Prepared<'c> {
    statement: rusqlite::Statement<'c>,
    /// For each parameter of SQLite's, its number in the text.
    numbers: Vec<usize>,
}

impl<'c> Session<'c> {
    pub(crate) fn new(conn: &'c Connection) -> Self {
        Self {
            conn,
            fixed: RefCell::default(),
        }
    }

    /// Runs one of our own transaction statements.
    pub(crate) fn statement(&self, sql: &'static str) -> Result<(), StoreError> {
        self.execute(Sql::Fixed(sql), &[]).map(drop)
    }

    /// True outside of a transaction.
    pub(crate) fn is_autocommit(&self) -> bool {
        self.conn.is_autocommit()
    }

    /// How long a statement waits for another connection that writes.
    pub(crate) fn set_wait(&self, longest: Duration) -> Result<(), StoreError> {
        self.conn.busy_timeout(longest).map_err(classify)
    }

    /// Binds the parameters and runs the statement.
    fn run<T>(
        &self,
        sql: Sql<'_>,
        params: &[Param<'_>],
        act: impl FnOnce(&mut rusqlite::Statement<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let run = || match sql {
            Sql::Built(text) => {
                let mut statement = self.conn.prepare_cached(text)?;
                let numbers = numbers_of(&statement)?;
                bind(&mut statement, &numbers, params)?;
                act(&mut statement)
            }
            Sql::Fixed(text) => {
                let mut fixed = self.fixed.borrow_mut();
                let prepared = match fixed.entry((text.as_ptr().addr(), text.len())) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => {
                        let statement = self.conn.prepare(text)?;
                        let numbers = numbers_of(&statement)?;
                        place.insert(Prepared { statement, numbers })
                    }
                };
                bind(&mut prepared.statement, &prepared.numbers, params)?;
                act(&mut prepared.statement)
            }
        };
        run().map_err(classify)
    }
}

impl Statements for Session<'_> {
    fn execute(&self, sql: Sql<'_>, params: &[Param<'_>]) -> Result<u64, StoreError> {
        self.run(sql, params, |statement| statement.raw_execute())
            .map(|count| count as u64)
    }

    fn visit(
        &self,
        sql: Sql<'_>,
        params: &[Param<'_>],
        each: &mut dyn FnMut(&Row<'_>),
    ) -> Result<(), StoreError> {
        self.run(sql, params, |statement| {
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                each(&Row::of_sqlite(row));
            }
            Ok(())
        })
    }

    fn last_key(&self) -> i64 {
        self.conn.last_insert_rowid()
    }
}

/// The numbers in the names of a statement's parameters: SQLite itself counts `$2` as the first if it stands first.
fn numbers_of(statement: &rusqlite::Statement<'_>) -> rusqlite::Result<Vec<usize>> {
    (1..=statement.parameter_count())
        .map(|index| {
            statement
                .parameter_name(index)
                .and_then(|name| name.strip_prefix('$'))
                .and_then(|digits| digits.parse().ok())
                .ok_or(rusqlite::Error::InvalidParameterCount(index, index))
        })
        .collect()
}

fn bind(
    statement: &mut rusqlite::Statement<'_>,
    numbers: &[usize],
    params: &[Param<'_>],
) -> rusqlite::Result<()> {
    for (index, number) in numbers.iter().enumerate() {
        let value =
            params
                .get(number.wrapping_sub(1))
                .ok_or(rusqlite::Error::InvalidParameterCount(
                    params.len(),
                    *number,
                ))?;
        statement.raw_bind_parameter(index + 1, value)?;
    }
    Ok(())
}

/// The first column of every row, as numbers.
pub(crate) fn numbers(
    session: &Session<'_>,
    sql: &str,
    params: &[Param<'_>],
) -> Result<Vec<i64>, StoreError> {
    let mut numbers = Vec::new();
    session.visit(Sql::Built(sql), params, &mut |row| {
        numbers.extend(row.int(0));
    })?;
    Ok(numbers)
}
