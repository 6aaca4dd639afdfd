//! How the tables of a part are defined, in pieces from which they can be built anew under another name.
//!
//! An archive of `pg_dump` builds a table only under the name that it had. A part goes back beside the live tables, in
//! the same database, so its definition is kept piece by piece: what the rows need (columns, indexes, checks) is built
//! under a name of ours, and what only names things (defaults, triggers, foreign keys, grants) follows under the
//! table's own name, once it has it.

mod build;
mod finish;
mod read;

use serde::{Deserialize, Serialize};

use crate::server::TableName;

pub(super) use build::{Place, create, index};
pub(super) use finish::{exactly_granted, finish, foreign_key};
pub(super) use read::{FOREIGN_KEY, tables, values};

/// The tables of a part, parents before their partitions and heirs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Definition {
    pub(super) tables: Vec<TableDefinition>,
    /// Where the sequences that belong to the tables stood.
    pub(super) values: Vec<SequenceValue>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableDefinition {
    pub(super) name: TableName,
    /// `r` for one with rows of its own, `p` for a partitioned one.
    pub(super) kind: char,
    pub(super) unlogged: bool,
    pub(super) access_method: Option<String>,
    pub(super) tablespace: Option<String>,
    pub(super) options: Vec<String>,
    pub(super) toast_options: Vec<String>,
    /// How rows are told to its partitions (`RANGE (day)`).
    pub(super) partition_key: Option<String>,
    /// Which rows it holds as a partition (`FOR VALUES FROM … TO …`).
    pub(super) bound: Option<String>,
    /// The tables that it inherits from, or is a partition of.
    pub(super) parents: Vec<TableName>,
    pub(super) columns: Vec<ColumnDefinition>,
    pub(super) constraints: Vec<Constraint>,
    pub(super) indexes: Vec<Index>,
    pub(super) triggers: Vec<Switched>,
    pub(super) rules: Vec<Switched>,
    pub(super) policies: Vec<Policy>,
    pub(super) row_security: bool,
    pub(super) force_row_security: bool,
    /// `pg_class.relreplident`.
    pub(super) replica_identity: char,
    pub(super) statistics: Vec<Statistics>,
    pub(super) sequences: Vec<Sequence>,
    pub(super) publications: Vec<Publication>,
    pub(super) owner: String,
    /// None where nobody ever granted anything.
    pub(super) grants: Option<Vec<Grant>>,
    pub(super) comment: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ColumnDefinition {
    pub(super) name: String,
    pub(super) type_name: String,
    /// Whether the type and everything in it came with the server, so that its binary form holds no object numbers.
    pub(super) built_in: bool,
    /// Where it is not the type's own.
    pub(super) collation: Option<String>,
    pub(super) not_null: bool,
    /// Whether it is the table's own, and not only inherited.
    pub(super) local: bool,
    pub(super) default: Option<String>,
    /// `s` stored, `v` virtual.
    pub(super) generated: Option<char>,
    /// `a` always, `d` by default.
    pub(super) identity: Option<char>,
    /// Where they are not the type's own.
    pub(super) storage: Option<char>,
    pub(super) compression: Option<char>,
    pub(super) statistics: Option<i32>,
    pub(super) options: Vec<String>,
    pub(super) grants: Option<Vec<Grant>>,
    pub(super) comment: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Constraint {
    pub(super) name: String,
    /// `pg_constraint.contype`.
    pub(super) kind: char,
    pub(super) definition: String,
    /// What a foreign key says.
    pub(super) key: Option<ForeignKey>,
    pub(super) comment: Option<String>,
}

/// What a foreign key says, so that rows without a partner can be counted before it is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ForeignKey {
    pub(super) to: TableName,
    pub(super) columns: Vec<String>,
    pub(super) to_columns: Vec<String>,
    /// How they are compared, as SQL writes it.
    pub(super) operators: Vec<String>,
    /// Whether all rows were held against it.
    pub(super) valid: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) unique: bool,
    /// What follows `USING `.
    pub(super) definition: String,
    /// Whether a constraint makes it.
    pub(super) by_constraint: bool,
    pub(super) clustered: bool,
    pub(super) replica_identity: bool,
    pub(super) statistics: Vec<(i16, i32)>,
    pub(super) comment: Option<String>,
}

/// A trigger or a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Switched {
    pub(super) name: String,
    pub(super) definition: String,
    /// `O` on, `D` off, `R` for replicas, `A` always.
    pub(super) enabled: char,
    pub(super) comment: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) permissive: bool,
    /// `*`, `r`, `a`, `w`, `d`.
    pub(super) command: char,
    /// Quoted names, or `PUBLIC`.
    pub(super) roles: Vec<String>,
    pub(super) using: Option<String>,
    pub(super) check: Option<String>,
    pub(super) comment: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Statistics {
    pub(super) name: TableName,
    pub(super) definition: String,
    pub(super) target: Option<i32>,
    pub(super) owner: String,
    pub(super) comment: Option<String>,
}

/// A sequence that belongs to a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sequence {
    pub(super) name: TableName,
    pub(super) column: String,
    /// Whether it is the inner part of an identity column.
    pub(super) of_identity: bool,
    pub(super) type_name: String,
    pub(super) unlogged: bool,
    pub(super) start: i64,
    pub(super) increment: i64,
    pub(super) minimum: i64,
    pub(super) maximum: i64,
    pub(super) cache: i64,
    pub(super) cycle: bool,
    pub(super) owner: String,
    pub(super) grants: Option<Vec<Grant>>,
    pub(super) comment: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SequenceValue {
    pub(super) name: TableName,
    pub(super) last: i64,
    pub(super) called: bool,
}

/// That a publication names the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Publication {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) filter: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Grant {
    /// None is everybody.
    pub(super) grantee: Option<String>,
    pub(super) grantor: String,
    pub(super) privilege: String,
    pub(super) grantable: bool,
}

impl Definition {
    /// The definition of one table.
    pub(super) fn table(&self, name: &TableName) -> Option<&TableDefinition> {
        self.tables.iter().find(|table| table.name == *name)
    }
}

impl TableDefinition {
    /// Whether it has rows of its own.
    pub(super) fn holds_rows(&self) -> bool {
        self.kind == 'r'
    }

    /// Whether it is a partition.
    pub(super) fn is_partition(&self) -> bool {
        self.bound.is_some()
    }

    /// The columns that are written: all but computed ones.
    pub(super) fn written(&self) -> impl Iterator<Item = &ColumnDefinition> {
        self.columns.iter().filter(|column| column.generated.is_none())
    }

    /// Whether its rows can be carried in the binary form: the text form of a value may be twice as long as a value may
    /// be, and the binary form of a type that somebody made holds numbers that change when it is made anew.
    pub(super) fn is_binary(&self) -> bool {
        self.columns.iter().all(|column| column.built_in)
    }

    /// Its foreign keys.
    pub(super) fn foreign_keys(&self) -> impl Iterator<Item = &Constraint> {
        self.constraints.iter().filter(|constraint| constraint.kind == 'f')
    }
}
