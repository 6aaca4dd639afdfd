//! Tables, as far as rows are read, compared, recorded and moved.

use crate::server::TableName;

/// What kind of table it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableKind {
    /// One with rows of its own; also a partition, and one that others inherit from (its own rows only).
    Ordinary,
    /// A partitioned one: its rows stand in its partitions.
    Partitioned,
    /// A materialised view: its rows follow from others.
    Materialised,
    /// One of another server; its rows are not here.
    Foreign,
}

/// A table.
#[allow(
    dead_code,
    reason = "the tests hold all of the description against a server; the product reads some of it"
)]
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Its object number, in this database at this moment only.
    pub(crate) oid: u32,
    /// Its name.
    pub(crate) name: TableName,
    /// Its kind.
    pub(crate) kind: TableKind,
    /// Whether a crash of the server empties it.
    pub(crate) unlogged: bool,
    /// The partitioned table that it is a part of, directly.
    pub(crate) partition_of: Option<TableName>,
    /// Its columns in order, without dropped ones.
    pub(crate) columns: Vec<Column>,
    /// What tells its rows apart: the primary key, else a unique index of whole columns that are never NULL.
    pub(crate) key: Option<Key>,
    /// `pg_class.relreplident`: `d` default, `n` nothing, `f` full, `i` index.
    pub(crate) replica_identity: char,
    /// Who owns it.
    pub(crate) owner: String,
    /// Whether we may read its rows.
    pub(crate) readable: bool,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// Its type as SQL writes it, with its modifiers (`character varying(20)`), with its schema where it needs one.
    pub(crate) type_name: String,
    /// The type's object number.
    pub(crate) type_oid: u32,
    /// Whether it refuses NULL.
    pub(crate) not_null: bool,
    /// Whether it is computed (`GENERATED ALWAYS AS … STORED`), so that nobody writes it.
    pub(crate) generated: bool,
    /// `a` for `GENERATED ALWAYS AS IDENTITY`, `d` for `BY DEFAULT`.
    pub(crate) identity: Option<char>,
    /// Its default as SQL; an identity has none.
    pub(crate) default: Option<String>,
}

/// The columns that tell rows apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// Their names, in the order of the index.
    pub(crate) columns: Vec<String>,
    /// Whether it is the primary key.
    pub(crate) primary: bool,
}

impl Table {
    /// Whether rows stand in it, so that it is read, counted and moved by itself.
    pub(crate) fn holds_rows(&self) -> bool {
        self.kind == TableKind::Ordinary
    }
}
