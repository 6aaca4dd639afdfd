//! What goes into a statement and comes out of it.

use crate::identifier::Identifier;
use anyhow::{Context, Error, Result};

/// A parameter, or a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Integer(i64),
    Text(String),
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(Vec<Value>);

impl Row {
    /// Takes a cell out of the row.
    pub fn take<T: TryFrom<Value, Error = Error>>(&mut self, column: usize) -> Result<T> {
        let cell = self.0.get_mut(column).with_context(|| format!("find column {column} of a row"))?;
        std::mem::replace(cell, Value::Null)
            .try_into()
            .with_context(|| format!("read column {column} of a row"))
    }
}

impl FromIterator<Value> for Row {
    fn from_iter<Cells: IntoIterator<Item = Value>>(cells: Cells) -> Self {
        Self(cells.into_iter().collect())
    }
}

/// The parameters of a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::database::Value::from($value)),*] };
}
pub(crate) use values;

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&Identifier> for Value {
    fn from(id: &Identifier) -> Self {
        match id {
            Identifier::Integer(number) => Self::Integer(*number),
            Identifier::Uuid(text) => Self::Text(text.clone()),
        }
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl TryFrom<Value> for i64 {
    type Error = Error;

    fn try_from(value: Value) -> Result<Self> {
        match value {
            Value::Integer(number) => Ok(number),
            _ => anyhow::bail!("it is no number"),
        }
    }
}

impl TryFrom<Value> for String {
    type Error = Error;

    fn try_from(value: Value) -> Result<Self> {
        match value {
            Value::Text(text) => Ok(text),
            _ => anyhow::bail!("it is no text"),
        }
    }
}

impl TryFrom<Value> for Option<String> {
    type Error = Error;

    fn try_from(value: Value) -> Result<Self> {
        match value {
            Value::Null => Ok(None),
            text => text.try_into().map(Some),
        }
    }
}

impl TryFrom<Value> for Identifier {
    type Error = Error;

    fn try_from(value: Value) -> Result<Self> {
        match value {
            Value::Integer(number) => Ok(Self::Integer(number)),
            Value::Text(text) => Ok(Self::Uuid(text)),
            Value::Null => anyhow::bail!("it is no identifier"),
        }
    }
}
