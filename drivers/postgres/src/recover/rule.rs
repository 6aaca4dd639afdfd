//! Where rows of one table, as it was recorded, have their place in the put-back schema; over 400 lines because a rule is
//! made from the names, types and keys of both sides at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::config::{Merge, TableRule, table_of};
use super::expression::{names, plain_value};
use super::fold::{Cell, Row, Write, cell, taken};
use super::gather::packed;
use super::side::{Side, SideTable, may_go_over};
use crate::recorder::{Image, Kind, Relation, Value};
use crate::server::TableName;

/// From which side to which rows are taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the new schema to the old one, as rules are declared.
    Back,
    /// The other way round: a way back was itself taken back.
    Forth,
}

/// A set of keys that name the same things: the rows of one table as one side knows them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Space {
    /// Keys that are the same on both sides, but for those that had to be drawn anew here.
    Same(TableName),
    /// Keys of a table (by its name on the new side) that only pairs lead over.
    Paired(TableName),
}

impl Space {
    /// How it is told from others where pairs are kept.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Same(table) => format!("={}", table.sql()),
            Self::Paired(table) => format!("~{}", table.sql()),
        }
    }
}

/// How rows of one table of one layout find their place.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// The place of the table here.
    pub(super) table: usize,
    /// For every slot of a staged row, which column there fills it: the columns here first, then those that
    /// expressions read.
    pub(super) origins: Vec<Option<usize>>,
    /// Columns there that expressions read, with their types.
    pub(super) extras: Vec<(String, String)>,
    /// Slots with keys of a table, the own key among them; the same list is the same way of leading keys over.
    pub(super) references: Vec<(usize, Space)>,
    /// Columns there without a place here, that nobody declared to be of no account.
    lost: Vec<Lost>,
    /// Types of the columns there, by slot; only of those whose values may have no room here.
    pub(super) narrowed: BTreeMap<usize, String>,
    /// What stands in columns here to which nothing leads, in born rows.
    pub(super) defaults: BTreeMap<usize, String>,
    /// What columns here are computed from.
    pub(super) expressions: BTreeMap<usize, String>,
}

/// A column there that has no place here.
#[derive(Debug, Clone)]
struct Lost {
    place: usize,
    name: String,
    /// What stands there when nobody writes to it.
    usual: Option<String>,
}

/// Why a write has no place here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unmapped(pub(super) String);

impl Rule {
    fn row(&self, mut image: Image) -> Row {
        // A column there fills one slot, unless an expression reads it too.
        let is_once = self.extras.is_empty();
        let value = |origin: &Option<usize>| match origin {
            None => Cell::Unknown,
            Some(place) if is_once => taken(&mut image, *place),
            Some(place) => cell(&image, *place),
        };
        self.origins.iter().map(value).collect()
    }

    /// A change in the slots of the put-back table; none of a table that was emptied.
    pub(super) fn write(&self, change: Kind) -> Option<Write> {
        Some(match change {
            Kind::Inserted { after } => Write::Insert { after: self.row(after) },
            Kind::Changed { before, after } => {
                Write::Update { before: self.row(before), after: self.row(after) }
            }
            Kind::Deleted { before } => Write::Delete { before: self.row(before) },
            Kind::Truncated => return None,
        })
    }

    /// The key of a row, as bytes; none where a part of it is not known or NULL.
    pub(super) fn key_of(&self, image: &Image, places: &[usize]) -> Option<Box<[u8]>> {
        packed(places.iter().map(|place| match image.get((*self.origins.get(*place)?)?)? {
            Some(Value::Text(text)) => Some(text.as_ref()),
            _ => None,
        }))
    }

    /// Columns to which users wrote what has no place here.
    pub(super) fn loses(&self, before: Option<&Image>, after: Option<&Image>) -> Vec<&str> {
        let Some(after) = after else { return Vec::new() };
        let is_lost = |lost: &&Lost| {
            let value = cell(after, lost.place);
            let is_something = value.text().is_some_and(|text| lost.usual.as_deref() != Some(text));
            is_something && before.is_none_or(|before| cell(before, lost.place) != value)
        };
        self.lost.iter().filter(is_lost).map(|lost| lost.name.as_str()).collect()
    }
}

/// What rules are made from.
pub(super) struct Rules<'a> {
    pub(super) here: &'a Side,
    /// The tables on the side that recorded, where it can be asked.
    pub(super) there: Option<&'a Side>,
    pub(super) merge: &'a Merge,
    pub(super) direction: Direction,
    made: HashMap<(TableName, Vec<(String, String)>), Made>,
    /// The layout that was asked for last, which is mostly the next one too.
    last: Option<(Arc<Relation>, Made)>,
}

pub(super) type Made = Arc<Result<Rule, Unmapped>>;

impl<'a> Rules<'a> {
    pub(super) fn new(
        here: &'a Side,
        there: Option<&'a Side>,
        merge: &'a Merge,
        direction: Direction,
    ) -> Self {
        Self { here, there, merge, direction, made: HashMap::new(), last: None }
    }

    /// The rule for a table as it was recorded, or why there is none.
    pub(super) fn of(&mut self, relation: &Arc<Relation>) -> Made {
        if let Some((last, made)) = &self.last
            && Arc::ptr_eq(last, relation)
        {
            return Arc::clone(made);
        }
        let at = (relation.table.clone(), relation.columns.clone());
        let made = match self.made.get(&at) {
            Some(made) => Arc::clone(made),
            None => {
                let made = Arc::new(self.make(relation));
                self.made.insert(at, Arc::clone(&made));
                made
            }
        };
        self.last = Some((Arc::clone(relation), Arc::clone(&made)));
        made
    }

    fn make(&self, relation: &Relation) -> Result<Rule, Unmapped> {
        // A partition is recorded by its own name or by its root's.
        let root = self.there.map_or(&relation.table, |there| there.root(&relation.table));
        let name = self.here.root(root);
        let by_name = self.here.place(name).and_then(|place| Some((place, self.here.tables.get(place)?)));
        if let Some((place, table)) = by_name
            && is_same(relation, table)
        {
            return self.rule(place, table, relation, None, true);
        }
        if let Some((declared, new, old)) = self.declared(name) {
            let name_here = if self.direction == Direction::Back { old } else { new.clone() };
            let found = self.here.place(&name_here).and_then(|at| Some((at, self.here.tables.get(at)?)));
            let Some((place, table)) = found else {
                return Err(Unmapped(
                    "the table that its rule names is not in the put-back schema".to_owned(),
                ));
            };
            return self.rule(place, table, relation, Some((declared, new)), false);
        }
        match by_name {
            Some((place, table)) if self.is_alike(relation, table) => {
                self.rule(place, table, relation, None, false)
            }
            _ => Err(Unmapped(
                "its table is another one in the put-back schema, and no rule of `merge` leads there"
                    .to_owned(),
            )),
        }
    }

    /// The rule of a person for a table of the side that recorded.
    fn declared(&self, name: &TableName) -> Option<(&'a TableRule, TableName, TableName)> {
        self.merge
            .rules()
            .find(|(new, old, _)| name == if self.direction == Direction::Back { new } else { old })
            .map(|(new, old, rule)| (rule, new, old))
    }

    /// What keys of a table here name.
    pub(super) fn space_of(&self, here: &TableName) -> Space {
        let found = self
            .merge
            .rules()
            .find(|(new, old, _)| here == if self.direction == Direction::Back { old } else { new });
        match found {
            Some((new, _, rule)) if rule.keys.is_some() => Space::Paired(new),
            _ => Space::Same(here.clone()),
        }
    }

    /// Whether rows of a table that nobody declared find their place by the names of its columns: every column here is
    /// there too, with values that may go over, or with keys of a table whose keys are paired.
    fn is_alike(&self, relation: &Relation, table: &SideTable) -> bool {
        let paired: BTreeSet<usize> = foreign(self.here, table)
            .into_iter()
            .filter(|(_, parent)| matches!(self.space_of(parent), Space::Paired(_)))
            .map(|(column, _)| column)
            .collect();
        let mut columns = table.columns.iter().enumerate().filter(|(_, column)| !column.is_generated);
        columns.all(|(place, column)| {
            let there = relation.columns.iter().find(|(name, _)| *name == column.name);
            there.is_some_and(|(_, there)| paired.contains(&place) || may_go_over(there, &column.type_name))
        })
    }

    fn rule(
        &self,
        place: usize,
        table: &SideTable,
        relation: &Relation,
        declared: Option<(&TableRule, TableName)>,
        is_same: bool,
    ) -> Result<Rule, Unmapped> {
        let rule = declared.as_ref().map(|(rule, _)| *rule);
        let mut origins: Vec<Option<usize>> = vec![None; table.columns.len()];
        let (expressions, defaults) = self.computed(rule, table)?;
        if table.key.is_empty() {
            self.without_key(rule, table)?;
        }
        let (mut lost, mut extras) = (Vec::new(), Vec::new());
        for (at, (name, type_name)) in relation.columns.iter().enumerate() {
            let slot = self.name_here(rule, name).and_then(|name| table.place(name));
            // What is computed here from others says nothing of its own.
            match slot.filter(|slot| !expressions.contains_key(slot)) {
                Some(slot) if table.column(slot).is_some_and(|column| column.is_generated) => {}
                Some(slot) => {
                    if let Some(origin) = origins.get_mut(slot) {
                        *origin = Some(at);
                    }
                }
                None if expressions.values().any(|text| names(text, name)) => {}
                None if rule.is_some_and(|rule| rule.ignore.contains(name)) => {}
                None => lost.push(Lost { place: at, name: name.clone(), usual: self.usual(relation, name) }),
            }
            if expressions.values().any(|text| names(text, name)) {
                extras.push((at, name.clone(), type_name.clone()));
            }
        }
        if table.key.iter().any(|key| origins.get(*key).is_none_or(Option::is_none)) {
            return Err(Unmapped("nothing leads to its key in the put-back schema".to_owned()));
        }
        let references = self.references(table, declared.as_ref(), is_same, &origins)?;
        let mut narrowed = BTreeMap::new();
        for (slot, origin) in origins.iter().enumerate() {
            let (Some(origin), Some(column)) = (origin, table.column(slot)) else { continue };
            let Some((_, there)) = relation.columns.get(*origin) else { continue };
            let is_led =
                references.iter().any(|(led, space)| *led == slot && matches!(space, Space::Paired(_)));
            if is_led || (is_same && table.key.contains(&slot)) {
                continue;
            }
            if !may_go_over(there, &column.type_name) {
                return Err(Unmapped(format!(
                    "its column {} became another type, and no expression leads back",
                    shown(&column.name)
                )));
            }
            if there != &column.type_name || column.not_null {
                narrowed.insert(slot, there.clone());
            }
        }
        origins.extend(extras.iter().map(|(at, _, _)| Some(*at)));
        let extras = extras.into_iter().map(|(_, name, type_name)| (name, type_name)).collect();
        Ok(Rule { table: place, origins, extras, references, lost, narrowed, defaults, expressions })
    }

    /// What the rows of a table without a key, of which there may be many that are equal, cannot be asked for.
    fn without_key(&self, rule: Option<&TableRule>, table: &SideTable) -> Result<(), Unmapped> {
        let name = table.name();
        let mut children = self.here.tables.iter().flat_map(|child| &child.foreign_keys);
        let what = if rule.is_some_and(|rule| rule.keys.is_some()) {
            "its rule has `keys`"
        } else if rule.is_some_and(|rule| !rule.expressions.is_empty()) {
            "its rule has `expressions`"
        } else if children.any(|key| key.parent == name) {
            "other tables refer to it"
        } else {
            return Ok(());
        };
        Err(Unmapped(format!("it has no key in the put-back schema, and {what}")))
    }

    /// What a column there is called here.
    fn name_here<'n>(&self, rule: Option<&'n TableRule>, there: &'n str) -> Option<&'n str> {
        let Some(rule) = rule else { return Some(there) };
        match self.direction {
            Direction::Back => match rule.columns.get(there) {
                Some(old) => Some(old),
                // Another column has got its name.
                None if rule.columns.values().any(|old| old == there) => None,
                None => Some(there),
            },
            Direction::Forth => {
                let renamed = rule.columns.iter().find(|(_, old)| *old == there).map(|(new, _)| new.as_str());
                renamed.or((!rule.columns.contains_key(there)).then_some(there))
            }
        }
    }

    /// Expressions and defaults by the places of their columns; they are declared for the old schema only.
    #[allow(clippy::type_complexity)]
    fn computed(
        &self,
        rule: Option<&TableRule>,
        table: &SideTable,
    ) -> Result<(BTreeMap<usize, String>, BTreeMap<usize, String>), Unmapped> {
        let Some(rule) = rule.filter(|_| self.direction == Direction::Back) else {
            return Ok((BTreeMap::new(), BTreeMap::new()));
        };
        let placed = |declared: &BTreeMap<String, String>| {
            declared
                .iter()
                .map(|(name, text)| match table.place(name) {
                    Some(place) => Ok((place, text.clone())),
                    None => Err(Unmapped(format!(
                        "its rule names the column {}, which is not in the put-back schema",
                        shown(name)
                    ))),
                })
                .collect::<Result<BTreeMap<_, _>, _>>()
        };
        Ok((placed(&rule.expressions)?, placed(&rule.defaults)?))
    }

    /// Slots that hold keys, with what those name.
    fn references(
        &self,
        table: &SideTable,
        declared: Option<&(&TableRule, TableName)>,
        is_same: bool,
        origins: &[Option<usize>],
    ) -> Result<Vec<(usize, Space)>, Unmapped> {
        let space = |parent: &TableName| {
            if is_same { Space::Same(parent.clone()) } else { self.space_of(parent) }
        };
        let mut found: BTreeMap<usize, Space> = BTreeMap::new();
        if let Some((rule, _)) = declared {
            for (column, parent) in &rule.references {
                let (column, parent) = match self.direction {
                    Direction::Back => (rule.columns.get(column).unwrap_or(column), {
                        let parent = table_of(parent);
                        self.merge
                            .rules()
                            .find(|(new, _, _)| *new == parent)
                            .map_or(parent, |(_, old, _)| old)
                    }),
                    Direction::Forth => (column, table_of(parent)),
                };
                if let Some(place) = table.place(column) {
                    found.insert(place, space(&parent));
                }
            }
        }
        for (column, parent) in foreign(self.here, table) {
            found.entry(column).or_insert_with(|| space(&parent));
        }
        let own = declared.filter(|(rule, _)| rule.keys.is_some());
        match (table.single_key(), own) {
            (Some(key), Some((_, new))) => {
                found.insert(key, Space::Paired(new.clone()));
            }
            (Some(key), None) => {
                found.entry(key).or_insert_with(|| Space::Same(table.name()));
            }
            (None, Some(_)) => {
                return Err(Unmapped(
                    "its rule has `keys`, and its key in the put-back schema is of several columns"
                        .to_owned(),
                ));
            }
            (None, None) => {}
        }
        found.retain(|slot, _| origins.get(*slot).is_some_and(Option::is_some));
        Ok(found.into_iter().collect())
    }

    /// What stands in a column there when nobody writes to it, where its default is a plain value.
    fn usual(&self, relation: &Relation, column: &str) -> Option<String> {
        let table = self.there?.find(&relation.table)?;
        plain_value(table.column(table.place(column)?)?.default.as_deref()?)
    }
}

/// Whether rows have the same columns and types on both sides.
fn is_same(relation: &Relation, table: &SideTable) -> bool {
    let stored: Vec<_> = table.columns.iter().filter(|column| !column.is_generated).collect();
    let has = |name: &str, type_name: &str| {
        relation.columns.iter().any(|(other, there)| other == name && there == type_name)
    };
    let is_known = |(name, _): &(String, String)| table.columns.iter().any(|column| column.name == *name);
    stored.iter().all(|column| has(&column.name, &column.type_name)) && relation.columns.iter().all(is_known)
}

/// Columns of a table that refer, each by itself, to the key of another one.
pub(super) fn foreign(side: &Side, table: &SideTable) -> Vec<(usize, TableName)> {
    let single = |key: &super::side::ForeignKey| {
        let parent = side.find(&key.parent)?;
        let of_parent = parent.column(parent.single_key()?)?;
        match (key.columns.as_slice(), key.parent_columns.as_slice()) {
            ([column], [to]) if of_parent.name == *to => Some((*column, parent.name())),
            _ => None,
        }
    };
    table.foreign_keys.iter().filter_map(single).collect()
}

pub(super) fn shown(name: &str) -> String {
    backout_kit::path_text::encode(std::ffi::OsStr::new(name))
}
