//! What a side has to compare, as its driver read it.

use serde::{Deserialize, Serialize};

use super::schema::Things;

/// What a side is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Which system (`PostgreSQL 15.18`), for people.
    pub system: String,
    /// Sides with the same dialect hash the same value to the same number on their servers: the name of the system and
    /// what its hash functions made of known values. None where a side hashes nothing by itself.
    pub dialect: Option<String>,
}

/// Everything that a side has in the scope that is compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// What holds rows, by name.
    pub relations: Vec<Relation>,
    /// Every object with its properties, for the comparison of schemas.
    pub things: Things,
}

/// A table, a partitioned table as one, or a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// Its schema; empty where the system has none.
    pub schema: String,
    /// Its name, as it is written in the catalog.
    pub name: String,
    /// Its columns in their order.
    pub columns: Vec<Column>,
    /// The columns that tell one row from another: the primary key, else a unique index over columns that are never
    /// null, the narrowest; empty where there is none.
    pub key: Vec<String>,
    /// About how many rows.
    pub rows: u64,
    /// About how many bytes.
    pub bytes: u64,
    /// Why it cannot be read, where we know already.
    pub unreadable: Option<String>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type in full, as SQL writes it (`numeric(12,2)`).
    pub kind: String,
    /// How its values can be hashed where they are, best first. [`Method::Portable`] is always possible and is not
    /// listed.
    pub methods: Vec<Method>,
    /// How integers are spread in it, where it is one of integers that an index finds: blocks can be ranges then.
    pub spread: Option<Spread>,
}

/// How integers are spread in a column.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The lowest.
    pub low: i64,
    /// The highest.
    pub high: i64,
    /// Which part of the rows stands in the fullest hundredth of the range from lowest to highest; 0.01 where they are
    /// spread evenly. As well as the statistics of the system know it.
    pub fullest: f64,
}

impl Eq for Spread {}

/// How the values of a column become numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// By the server from the bits of the value. What differs in its bits differs.
    Binary,
    /// By the server with the type's own hash. What the type calls equal is equal (`1.0` and `1.00` in JSON).
    Value,
    /// By the server from the text of the value.
    Text,
    /// By us from the text of the value, which therefore crosses the wire.
    Portable,
}

impl Relation {
    /// Its name with its schema, for people and for looking it up.
    pub fn full_name(&self) -> String {
        if self.schema.is_empty() { self.name.clone() } else { format!("{}.{}", self.schema, self.name) }
    }

    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}
