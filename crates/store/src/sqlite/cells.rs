//! Reading a row cell by cell. What makes no sense is told with table, row and column; nothing is made up in its place.

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::{FromSql, ToSqlOutput, ValueRef};

use super::fault::{Fault, Result};
use crate::StoreError;

/// A table, as far as reading a row of it needs to know.
#[derive(Debug)]
pub(super) struct Table {
    /// Its name.
    pub(super) name: &'static str,
    /// How many columns, from the first, say which row it is.
    pub(super) key: usize,
    /// The columns, in the order in which they are selected.
    pub(super) columns: &'static [&'static str],
}

/// The cells of one row, from left to right.
pub(super) struct Cells<'r> {
    table: &'static Table,
    row: &'r Row<'r>,
    next: usize,
}

impl Table {
    /// The columns, with commas between them.
    pub(super) fn list(&self) -> String {
        self.columns.join(", ")
    }
}

impl<'r> Cells<'r> {
    pub(super) fn new(table: &'static Table, row: &'r Row<'r>) -> Self {
        Self { table, row, next: 0 }
    }

    /// The next cell, as it is; NULL is `None` for an `Option`.
    pub(super) fn value<T: FromSql>(&mut self) -> Result<T> {
        let place = self.next;
        self.next += 1;
        match self.row.get(place) {
            Ok(value) => Ok(value),
            Err(rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::FromSqlConversionFailure(..)) => {
                Err(self.damaged("a value of another type"))
            }
            Err(rusqlite::Error::IntegralValueOutOfRange(..)) => Err(self.damaged("a number out of range")),
            Err(rusqlite::Error::Utf8Error(..)) => Err(self.damaged("bytes that are no text")),
            Err(error) => Err(error.into()),
        }
    }

    /// The next cell, which has to be `read`.
    pub(super) fn text<T>(&mut self, read: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        match self.optional_text(read)? {
            Some(value) => Ok(value),
            None => Err(self.damaged("NULL")),
        }
    }

    /// The next cell, which has to be `read` unless it is NULL.
    pub(super) fn optional_text<T>(&mut self, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>> {
        let Some(text) = self.value::<Option<String>>()? else { return Ok(None) };
        match read(&text) {
            Some(value) => Ok(Some(value)),
            None => Err(self.damaged(&format!("`{}`", shown(&text)))),
        }
    }

    /// The next cell as a flag.
    pub(super) fn flag(&mut self) -> Result<bool> {
        match self.optional_flag()? {
            Some(flag) => Ok(flag),
            None => Err(self.damaged("NULL")),
        }
    }

    /// The next cell as a flag or NULL.
    pub(super) fn optional_flag(&mut self) -> Result<Option<bool>> {
        match self.value::<Option<i64>>()? {
            None => Ok(None),
            Some(0) => Ok(Some(false)),
            Some(1) => Ok(Some(true)),
            Some(other) => Err(self.damaged(&format!("{other}, expected 0 or 1"))),
        }
    }

    /// The next cell as a time.
    pub(super) fn time(&mut self) -> Result<Timestamp> {
        match self.optional_time()? {
            Some(time) => Ok(time),
            None => Err(self.damaged("NULL")),
        }
    }

    /// The next cell as a time or NULL.
    pub(super) fn optional_time(&mut self) -> Result<Option<Timestamp>> {
        let Some(microseconds) = self.value::<Option<i64>>()? else { return Ok(None) };
        match Timestamp::from_microsecond(microseconds) {
            Ok(time) => Ok(Some(time)),
            Err(_) => Err(self.damaged(&format!("{microseconds}, which is no time"))),
        }
    }

    /// The cell that was read last holds `what`, which makes no sense there.
    pub(super) fn damaged(&self, what: &str) -> Fault {
        let column = self.next.checked_sub(1).and_then(|place| self.table.columns.get(place)).unwrap_or(&"?");
        self.broken(&format!("column {column} holds {what}"))
    }

    /// The row as a whole makes no sense.
    pub(super) fn broken(&self, fault: &str) -> Fault {
        let key: Vec<String> = (0..self.table.key).map(|place| key_part(self.row, place)).collect();
        StoreError::Damaged { table: self.table.name, row: key.join("/"), fault: fault.to_owned() }.into()
    }
}

/// A time as it is kept. What is finer than a microsecond is cut.
pub(super) fn microseconds(time: Timestamp) -> ToSqlOutput<'static> {
    ToSqlOutput::from(time.as_microsecond())
}

/// Foreign text as an error may repeat it.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

fn key_part(row: &Row<'_>, place: usize) -> String {
    match row.get_ref(place) {
        Ok(ValueRef::Text(text)) => shown(&String::from_utf8_lossy(text)),
        Ok(ValueRef::Integer(number)) => number.to_string(),
        _ => "?".to_owned(),
    }
}
