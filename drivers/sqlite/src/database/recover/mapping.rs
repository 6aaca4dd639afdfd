//! Makes the rules by which recorded rows find their place in the put-back schema.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::cell::{Cell, Row};

use super::config::{Merge, TableRule};
use super::pairs::{Pairs, Space};
use super::rule::{Lost, Origin, Rule, Unmapped};
use super::table::{Table, Tables};
use crate::database::recorder::layout::Layout;
use crate::fault::Fault;

/// From which side to which rows are taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the new schema to the old one, as rules are declared.
    Back,
    /// The other way round: a way back was itself taken back.
    Forth,
}

/// What rules are made from.
pub(super) struct Rules<'a> {
    /// The tables on the side that recorded, as they are now.
    pub(super) there: &'a Tables,
    /// The tables of the put-back database.
    pub(super) here: &'a Tables,
    pub(super) merge: &'a Merge,
    pub(super) direction: Direction,
    pub(super) pairs: &'a Pairs<'a>,
    /// Whether the put-back database has an era too: then its tables are as they were recorded.
    pub(super) is_shared: &'a dyn Fn(i64) -> bool,
    made: RefCell<HashMap<(i64, String), Made>>,
}

type Made = Rc<Result<Rule, Unmapped>>;

impl<'a> Rules<'a> {
    pub(super) fn new(
        there: &'a Tables,
        here: &'a Tables,
        merge: &'a Merge,
        direction: Direction,
        pairs: &'a Pairs<'a>,
        is_shared: &'a dyn Fn(i64) -> bool,
    ) -> Self {
        Self { there, here, merge, direction, pairs, is_shared, made: RefCell::default() }
    }

    /// The rule for a table of an era, or why there is none.
    pub(super) fn of(&self, era: i64, name: &str, layout: Option<&Layout>) -> Made {
        let at = (era, name.to_owned());
        if let Some(made) = self.made.borrow().get(&at) {
            return Rc::clone(made);
        }
        let made = match layout {
            Some(layout) => self.make(era, name, layout),
            None => Err(Unmapped("nothing tells how its table was recorded".to_owned())),
        };
        let made = Rc::new(made);
        self.made.borrow_mut().insert(at, Rc::clone(&made));
        made
    }

    fn make(&self, era: i64, name: &str, layout: &Layout) -> Result<Rule, Unmapped> {
        let is_shared = (self.is_shared)(era);
        if let Some(place) = self.here.place(name)
            && let Some(table) = self.here.at(place)
            && self.is_same(layout, name, table, is_shared)
        {
            return self.rule(place, table, name, layout, None, is_shared);
        }
        let Some((declared, new_name)) = self.declared(name) else {
            if let Some(place) = self.here.place(name)
                && let Some(table) = self.here.at(place)
                && self.is_alike(layout, name, table)
            {
                return self.rule(place, table, name, layout, Some((&TableRule::default(), name)), is_shared);
            }
            return Err(Unmapped(
                "its table is another one in the put-back schema, and no rule of `merge` leads there"
                    .to_owned(),
            ));
        };
        let name_here = match self.direction {
            Direction::Back => declared.old_name(new_name),
            Direction::Forth => new_name,
        };
        let Some((place, table)) =
            self.here.place(name_here).and_then(|place| Some((place, self.here.at(place)?)))
        else {
            return Err(Unmapped("the table that its rule names is not in the put-back schema".to_owned()));
        };
        self.rule(place, table, name, layout, Some((declared, new_name)), is_shared)
    }

    /// The rule of a person for a table of the side that recorded, with the name of its new side.
    fn declared(&self, name: &str) -> Option<(&'a TableRule, &'a str)> {
        self.merge
            .tables
            .iter()
            .find(|(new, rule)| {
                let there = match self.direction {
                    Direction::Back => new.as_str(),
                    Direction::Forth => rule.old_name(new),
                };
                there.eq_ignore_ascii_case(name)
            })
            .map(|(new, rule)| (rule, new.as_str()))
    }

    /// What keys of a table here name, as the side that recorded knows them.
    pub(super) fn space_of(&self, table_here: &str) -> Space {
        match self.declared_here(table_here) {
            Some((rule, new)) if rule.keys.is_some() => Space::Paired(match self.direction {
                Direction::Back => new.to_owned(),
                Direction::Forth => rule.old_name(new).to_owned(),
            }),
            _ => Space::Same(table_here.to_owned()),
        }
    }

    /// Whether rows of both tables have the same columns, key and types.
    fn is_same(&self, layout: &Layout, name: &str, here: &Table, is_shared: bool) -> bool {
        let stored: Vec<&str> = here
            .columns
            .iter()
            .skip(usize::from(here.has_rowid_key))
            .map(|column| column.name.as_str())
            .collect();
        let is_among =
            |names: &[String], name: &str| names.iter().any(|other| other.eq_ignore_ascii_case(name));
        let same_columns =
            stored.len() == layout.columns.len() && stored.iter().all(|name| is_among(&layout.columns, name));
        let key: Vec<&str> = here
            .key
            .iter()
            .filter_map(|place| here.columns.get(*place))
            .map(|column| column.name.as_str())
            .collect();
        let same_key = here.has_rowid_key == layout.rowid
            && (layout.rowid
                || (key.len() == layout.key.len() && key.iter().all(|name| is_among(&layout.key, name))));
        if !same_columns || !same_key {
            return false;
        }
        // The era tells no types; a table of an era that both sides have has not changed since.
        is_shared
            || self.there.find(name).is_some_and(|there| {
                there.columns.len() == here.columns.len()
                    && here.columns.iter().all(|column| {
                        let other = there.column(&column.name).and_then(|place| there.columns.get(place));
                        other.is_some_and(|other| other.affinity == column.affinity)
                    })
            })
    }

    /// Whether rows of a table that nobody declared find their place by the names of its columns: every column here is
    /// there too with the same sort of values, or with keys of a table whose keys are mapped. What it has besides
    /// came with the migration.
    fn is_alike(&self, layout: &Layout, name: &str, here: &Table) -> bool {
        let Some(there) = self.there.find(name) else { return false };
        let refers = foreign(self.here, here);
        let is_mapped = |place: usize| {
            let mut parents = refers.iter().filter(|(column, _)| *column == place);
            parents.any(|(_, parent)| matches!(self.space_of(parent), Space::Paired(_)))
        };
        let has_all =
            here.columns.iter().enumerate().skip(usize::from(here.has_rowid_key)).all(|(place, column)| {
                let other = there.column(&column.name).and_then(|other| there.columns.get(other));
                let is_recorded = layout.columns.iter().any(|name| name.eq_ignore_ascii_case(&column.name));
                is_recorded
                    && other.is_some_and(|other| other.affinity == column.affinity || is_mapped(place))
            });
        let names = |table: &Table| -> BTreeSet<String> {
            let columns = table.key.iter().filter_map(|place| table.columns.get(*place));
            columns.map(|column| column.name.to_ascii_lowercase()).collect()
        };
        has_all && here.has_rowid_key == layout.rowid && names(there) == names(here)
    }

    fn rule(
        &self,
        place: u32,
        here: &Table,
        table_there: &str,
        layout: &Layout,
        declared: Option<(&TableRule, &str)>,
        is_shared: bool,
    ) -> Result<Rule, Unmapped> {
        // What a column there is called here.
        let name_here = |there: &str| -> String {
            let Some((rule, _)) = declared else { return there.to_owned() };
            let renamed = rule.columns.iter().find_map(|(new, old)| match self.direction {
                Direction::Back => new.eq_ignore_ascii_case(there).then_some(old),
                Direction::Forth => old.eq_ignore_ascii_case(there).then_some(new),
            });
            renamed.cloned().unwrap_or_else(|| there.to_owned())
        };
        let mut origins: Vec<Option<Origin>> = vec![None; here.columns.len()];
        let mut lost = Vec::new();
        let offset = usize::from(layout.rowid);
        if let (true, true, Some(first)) = (layout.rowid, here.has_rowid_key, origins.first_mut()) {
            *first = Some(Origin { place: 0, reference: None });
        }
        for (at, name) in layout.columns.iter().enumerate() {
            match here.column(&name_here(name)).and_then(|column| origins.get_mut(column)) {
                Some(origin) => *origin = Some(Origin { place: at + offset, reference: None }),
                None => {
                    let is_ignored = declared.is_some_and(|(rule, _)| {
                        rule.ignore.iter().any(|ignored| ignored.eq_ignore_ascii_case(name))
                    });
                    if !is_ignored {
                        let there = self.there.find(table_there).and_then(|table| {
                            table.column(name).and_then(|column| table.columns.get(column))
                        });
                        let usual = there.and_then(|column| column.usual.clone());
                        lost.push(Lost { place: at + offset, name: name.clone(), usual });
                    }
                }
            }
        }
        for (column, space) in self.references(here, declared, is_shared) {
            if let Some(Some(origin)) = origins.get_mut(column) {
                origin.reference = Some(space);
            }
        }
        let space = here.single_key().map(|_| match declared {
            Some((rule, _)) if rule.keys.is_some() => self.space_of(&here.name),
            _ => Space::Same(here.name.clone()),
        });
        if declared.is_some_and(|(rule, _)| rule.keys.is_some()) && space.is_none() {
            return Err(Unmapped(
                "its rule has `keys`, and its key in the put-back schema is of several columns".to_owned(),
            ));
        }
        let single = here.single_key();
        if let (Some(key), Some(space)) = (single, &space)
            && let Some(Some(origin)) = origins.get_mut(key)
            && origin.reference.is_none()
        {
            origin.reference = Some(space.clone());
        }
        let key_there = single.and_then(|key| Some(origins.get(key)?.as_ref()?.place));
        if here.key.iter().any(|key| origins.get(*key).is_none_or(Option::is_none)) {
            return Err(Unmapped("nothing leads to its key in the put-back schema".to_owned()));
        }
        Ok(Rule { table: place, is_same: declared.is_none(), space, key_there, origins, lost })
    }

    /// Columns here that hold keys, with what those name.
    fn references(
        &self,
        here: &Table,
        declared: Option<(&TableRule, &str)>,
        is_shared: bool,
    ) -> Vec<(usize, Space)> {
        let of_keys = foreign(self.here, here).into_iter().map(|(column, parent)| {
            (column, if is_shared { Space::Same(parent.to_owned()) } else { self.space_of(parent) })
        });
        let of_rules = declared.map(|(rule, _)| self.declared_references(rule, here)).unwrap_or_default();
        of_keys.chain(of_rules.into_iter().map(|(column, parent)| (column, self.space_of(&parent)))).collect()
    }

    fn declared_references(&self, rule: &TableRule, here: &Table) -> Vec<(usize, String)> {
        let place = |(new_column, new_table): (&String, &String)| {
            let old_column = rule.columns.get(new_column).unwrap_or(new_column);
            let old_table =
                self.merge.tables.get(new_table).map_or(new_table.as_str(), |rule| rule.old_name(new_table));
            let (column, table) = match self.direction {
                Direction::Back => (old_column, old_table),
                Direction::Forth => (new_column, new_table.as_str()),
            };
            here.column(column).map(|column| (column, table.to_owned()))
        };
        rule.references.iter().filter_map(place).collect()
    }

    /// Whether rows of a table here have the same keys there.
    pub(super) fn keeps_keys(&self, table_here: &str) -> bool {
        matches!(self.space_of(table_here), Space::Same(_))
    }

    /// What a table there is called here.
    pub(super) fn name_here(&self, there: &str) -> String {
        let declared = self.declared(there).map(|(rule, new)| match self.direction {
            Direction::Back => rule.old_name(new),
            Direction::Forth => new,
        });
        declared.unwrap_or(there).to_owned()
    }

    /// The table and the key there of a row here; none where that cannot be told.
    pub(super) fn there_of(&self, here: &Table, key: &Row) -> Result<Option<(String, Vec<Cell>)>, Fault> {
        let declared = self.declared_here(&here.name);
        let name = declared.map_or(here.name.as_str(), |(rule, new)| match self.direction {
            Direction::Back => new,
            Direction::Forth => rule.old_name(new),
        });
        // In the same order, or nobody could ask for it there.
        if here.key.len() > 1 {
            let names = |table: &Table| -> Vec<String> {
                let columns = table.key.iter().filter_map(|place| table.columns.get(*place));
                columns.map(|column| column.name.to_ascii_lowercase()).collect()
            };
            if self.there.find(name).is_none_or(|there| names(there) != names(here)) {
                return Ok(None);
            }
        }
        let mut references = self.references(here, declared, false);
        if let Some(single) = here.single_key() {
            references.push((single, self.space_of(&here.name)));
        }
        let mut found = Vec::new();
        for (place, cell) in here.key.iter().zip(key) {
            let Some(cell) = cell else { return Ok(None) };
            let space = references.iter().find(|(column, _)| column == place).map(|(_, space)| space);
            match space {
                Some(space) => match self.pairs.there(space, cell)? {
                    Some(there) => found.push(there),
                    None => return Ok(None),
                },
                None => found.push(cell.clone()),
            }
        }
        Ok(Some((name.to_owned(), found)))
    }

    /// The rule of a person for a table here, with the name of its new side.
    fn declared_here(&self, name: &str) -> Option<(&'a TableRule, &'a str)> {
        let is_here = |(new, rule): &(&'a String, &'a TableRule)| {
            let here = match self.direction {
                Direction::Back => rule.old_name(new),
                Direction::Forth => new.as_str(),
            };
            here.eq_ignore_ascii_case(name)
        };
        self.merge.tables.iter().find(is_here).map(|(new, rule)| (rule, new.as_str()))
    }

    /// Columns of a table here that hold keys of a table here, by their places.
    pub(super) fn parents(&self, here: &Table) -> Vec<(usize, u32)> {
        let declared = self.declared_here(&here.name);
        let of_keys =
            foreign(self.here, here).into_iter().map(|(column, parent)| (column, parent.to_owned()));
        let of_rules = declared.map(|(rule, _)| self.declared_references(rule, here)).unwrap_or_default();
        let mut all: Vec<(usize, u32)> = of_keys
            .chain(of_rules)
            .filter_map(|(column, parent)| Some((column, self.here.place(&parent)?)))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Columns of a table that refer, each by itself, to the key of another one.
fn foreign<'t>(tables: &'t Tables, table: &Table) -> Vec<(usize, &'t str)> {
    let single = |key: &super::table::ForeignKey| {
        let parent = tables.find(&key.parent)?;
        let key_of_parent = parent.columns.get(parent.single_key()?)?;
        match (key.columns.as_slice(), key.parent_columns.as_slice()) {
            ([column], [to]) if key_of_parent.name.eq_ignore_ascii_case(to) => {
                Some((*column, parent.name.as_str()))
            }
            _ => None,
        }
    };
    table.foreign_keys.iter().filter_map(single).collect()
}
