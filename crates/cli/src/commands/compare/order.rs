//! From what a person typed to what is compared: which tables belong together, and what is wanted of each.
//!
//! What is typed holds for all tables. A column that only some tables have is taken for those; one that no table has is a
//! mistake, most of all one that was to be masked.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::time::Duration;

use backout_contract::compare::{Scope, Side};
use backout_core::compare::{Catalog, Relation, Shown, TablePlan, Unlike, Wanted, pair_tables, plan_table};
use backout_core::diagnostic::Diagnostic;
use backout_engine::compare::{Ceiling, CompareOrder};

use super::find::not_compared;
use super::map_file::{Mapping, Table};
use super::{Arguments, Sides};
use crate::codes;
use crate::commands::require::with_hint;
use crate::failure::Failure;
use crate::hints;

const USUAL_PATIENCE: Duration = Duration::from_secs(60);

/// What is compared, and how.
pub struct Order {
    /// For the engine.
    pub order: CompareOrder,
    /// Left and right, for people.
    pub sides: (Shown, Shown),
    /// How each pair of tables would be compared, or why it cannot be.
    pub plans: Vec<(String, Result<TablePlan, Unlike>)>,
}

impl Order {
    /// Looks at both catalogs.
    ///
    /// # Errors
    /// A side cannot be read, or something that was named is not there.
    pub async fn make(
        arguments: &Arguments,
        mapping: &Mapping,
        sides: &Sides,
        scratch: &Path,
    ) -> Result<Self, Failure> {
        let wishes = Wishes::of(arguments, mapping)?;
        let (left, right) = wishes.scopes();
        let (here, there) =
            tokio::try_join!(known(sides.left.as_ref(), &left), known(sides.right.as_ref(), &right))
                .map_err(not_compared)?;
        wishes.refuse_absent(&here.catalog, &there.catalog)?;
        let pairs = wishes.pairs(&here.catalog, &there.catalog);
        let mut each = BTreeMap::new();
        let mut plans = Vec::new();
        let (paired, ..) = pair_tables(&here.catalog.relations, &there.catalog.relations, &pairs);
        for (at, of) in paired {
            let (Some(one), Some(other)) = (here.catalog.relations.get(at), there.catalog.relations.get(of))
            else {
                continue;
            };
            let wanted = wishes.wanted(one);
            let plan = plan_table((one, &here.about), (other, &there.about), &wanted);
            plans.push((one.full_name(), plan));
            each.insert(one.full_name(), wanted);
        }
        let order = CompareOrder {
            left,
            right,
            pairs,
            wanted: wishes.general.clone(),
            each,
            schema: !arguments.no_schema,
            rows: !arguments.schema_only,
            masked: arguments.mask.iter().cloned().collect(),
            limit: if arguments.outputs.is_empty() { arguments.limit.unwrap_or(u64::MAX) } else { u64::MAX },
            ceiling: ceiling(arguments),
            scratch: scratch.to_owned(),
        };
        Ok(Self { order, sides: (here.shown, there.shown), plans })
    }
}

/// What is known of a side before its rows are read.
struct Known {
    catalog: Catalog,
    about: backout_core::compare::About,
    shown: Shown,
}

async fn known(side: &dyn Side, scope: &Scope) -> Result<Known, backout_contract::DriverError> {
    let about = side.about().await?;
    let positions = side.position().await?.into_iter().collect();
    let shown = Shown { place: side.place(), system: about.system.clone(), positions };
    Ok(Known { catalog: side.catalog(scope).await?, about, shown })
}

fn ceiling(arguments: &Arguments) -> Ceiling {
    Ceiling {
        rows_per_second: arguments.max_rows_per_second.map(std::num::NonZero::get),
        lag: arguments.max_lag.map(|time| time.0),
        answer: arguments.max_answer.map(|time| time.0),
        patience: arguments.patience.map_or(USUAL_PATIENCE, |time| time.0),
        at_once: arguments.connections.map_or(1, std::num::NonZero::get),
        ..Ceiling::default()
    }
}

/// What a person wants, before any catalog was read.
struct Wishes<'a> {
    general: Wanted,
    tables: Vec<(&'a str, &'a str)>,
    schemas: Vec<(&'a str, &'a str)>,
    masked: &'a [String],
    mapping: &'a Mapping,
}

impl<'a> Wishes<'a> {
    fn of(arguments: &'a Arguments, mapping: &'a Mapping) -> Result<Self, Failure> {
        let pairs = |typed: &'a [String], option: &str| -> Result<BTreeMap<String, String>, Failure> {
            typed
                .iter()
                .map(|text| {
                    let (column, rest) = text.split_once('=').ok_or_else(|| no_pair(option, text))?;
                    Ok((column.to_owned(), rest.to_owned()))
                })
                .collect()
        };
        let names = |typed: &'a [String]| -> Vec<(&'a str, &'a str)> {
            typed.iter().map(|text| text.split_once('=').unwrap_or((text, text))).collect()
        };
        let general = Wanted {
            key: arguments.key.clone(),
            only: arguments.columns.iter().cloned().collect(),
            except: arguments.exclude.iter().cloned().collect(),
            renamed: pairs(&arguments.rename, "--rename")?,
            left_as: pairs(&arguments.left_as, "--left-as")?,
            right_as: pairs(&arguments.right_as, "--right-as")?,
            left_where: arguments.where_left.clone().or_else(|| arguments.condition.clone()),
            right_where: arguments.where_right.clone().or_else(|| arguments.condition.clone()),
            exact: arguments.exact,
            text: arguments.text,
            portable: arguments.portable,
            twice: arguments.twice,
            // Drawn anew for each map of this kind, from the system's randomness.
            seed: RandomState::new().build_hasher().finish(),
        };
        Ok(Self {
            general,
            tables: names(&arguments.tables),
            schemas: names(&arguments.schemas),
            masked: &arguments.mask,
            mapping,
        })
    }

    fn scopes(&self) -> (Scope, Scope) {
        let scope = |pick: fn(&(&str, &str)) -> String| Scope {
            schemas: self.schemas.iter().map(pick).collect(),
            tables: self.tables.iter().map(pick).collect(),
        };
        let (left, mut right) = (scope(|pair| pair.0.to_owned()), scope(|pair| pair.1.to_owned()));
        if !right.tables.is_empty() {
            // A table that is named may have another name there, by the mapping.
            right.tables.extend(
                self.tables.iter().filter_map(|(left, _)| self.mapping.tables.get(*left)?.right.clone()),
            );
        }
        (left, right)
    }

    /// Tables that belong together: as typed, as the mapping says, and by name in schemas that belong together.
    fn pairs(&self, left: &Catalog, right: &Catalog) -> Vec<(String, String)> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let own = |pair: &(&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
        pairs.extend(self.tables.iter().filter(|pair| pair.0 != pair.1).map(own));
        let mapped = self.mapping.tables.iter();
        pairs.extend(mapped.filter_map(|(name, table)| Some((name.clone(), table.right.clone()?))));
        for (here, there) in &self.schemas {
            for relation in left.relations.iter().filter(|relation| relation.schema == *here) {
                let twin = |other: &&Relation| other.schema == *there && other.name == relation.name;
                let is_free =
                    !pairs.iter().any(|(one, _)| *one == relation.name || *one == relation.full_name());
                if is_free && let Some(twin) = right.relations.iter().find(twin) {
                    pairs.push((relation.full_name(), twin.full_name()));
                }
            }
        }
        pairs
    }

    /// What is wanted of one table.
    fn wanted(&self, left: &Relation) -> Wanted {
        let has = |name: &&String| left.column(name).is_some();
        let pick = |set: &BTreeSet<String>| set.iter().filter(has).cloned().collect::<BTreeSet<String>>();
        let pick_map = |map: &BTreeMap<String, String>| -> BTreeMap<String, String> {
            map.iter()
                .filter(|(name, _)| has(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        };
        let all = &self.general;
        let mut wanted = Wanted {
            key: if all.key.iter().all(|name| has(&name)) { all.key.clone() } else { Vec::new() },
            only: pick(&all.only),
            except: pick(&all.except),
            renamed: pick_map(&all.renamed),
            left_as: pick_map(&all.left_as),
            right_as: pick_map(&all.right_as),
            ..all.clone()
        };
        // Of a table that has none of the columns, the key is compared; not all of it.
        if wanted.only.is_empty() && !all.only.is_empty() {
            wanted.only = left.key.iter().cloned().collect();
        }
        let name = left.full_name();
        let own = self.mapping.tables.get(&name).or_else(|| self.mapping.tables.get(&left.name));
        if let Some(own) = own {
            overlay(&mut wanted, own);
        }
        // The key's columns are compared whatever else is.
        if !wanted.only.is_empty() && wanted.key.is_empty() {
            wanted.only.extend(left.key.iter().cloned());
        }
        wanted
    }

    /// Refuses names that stand for nothing: of tables on neither side, and of columns in no table.
    fn refuse_absent(&self, left: &Catalog, right: &Catalog) -> Result<(), Failure> {
        let is_there = |catalog: &Catalog, name: &str| {
            let called = |one: &Relation| {
                one.name.eq_ignore_ascii_case(name) || one.full_name().eq_ignore_ascii_case(name)
            };
            catalog.relations.iter().any(called)
        };
        let mut wanted: Vec<(&str, &str)> = self.tables.clone();
        if self.tables.is_empty() {
            let mapped = self.mapping.tables.iter();
            wanted
                .extend(mapped.map(|(name, table)| (name.as_str(), table.right.as_deref().unwrap_or(name))));
        }
        for (here, there) in wanted {
            if !is_there(left, here) && !is_there(right, there) {
                let names: Vec<String> = left.relations.iter().map(Relation::full_name).collect();
                let found = Diagnostic::error(
                    codes::UNKNOWN_NAME,
                    format!("neither side has a table `{here}` to compare"),
                );
                return Err(
                    with_hint(found, hints::for_unknown(here, names.iter().map(String::as_str))).into()
                );
            }
        }
        let all = &self.general;
        let named = all
            .key
            .iter()
            .chain(&all.only)
            .chain(&all.except)
            .chain(all.renamed.keys())
            .chain(all.left_as.keys())
            .chain(all.right_as.keys())
            .chain(self.masked);
        let columns: BTreeSet<&str> = left
            .relations
            .iter()
            .flat_map(|relation| relation.columns.iter().map(|column| column.name.as_str()))
            .collect();
        for name in named {
            if !columns.contains(name.as_str()) {
                let found = Diagnostic::error(
                    codes::UNKNOWN_NAME,
                    format!("no table on the left that is compared has a column `{name}`"),
                );
                return Err(with_hint(found, hints::for_unknown(name, columns.iter().copied())).into());
            }
        }
        Ok(())
    }
}

/// What a mapping says of a table stands before what was typed for all.
fn overlay(wanted: &mut Wanted, own: &Table) {
    if !own.key.is_empty() {
        wanted.key.clone_from(&own.key);
    }
    if !own.columns.is_empty() {
        wanted.only.clone_from(&own.columns);
    }
    wanted.except.extend(own.exclude.iter().cloned());
    let add = |to: &mut BTreeMap<String, String>, from: &BTreeMap<String, String>| {
        to.extend(from.iter().map(|(name, value)| (name.clone(), value.clone())));
    };
    add(&mut wanted.renamed, &own.rename);
    add(&mut wanted.left_as, &own.left_as);
    add(&mut wanted.right_as, &own.right_as);
    if let Some(condition) = own.where_left.as_ref().or(own.condition.as_ref()) {
        wanted.left_where = Some(condition.clone());
    }
    if let Some(condition) = own.where_right.as_ref().or(own.condition.as_ref()) {
        wanted.right_where = Some(condition.clone());
    }
}

fn no_pair(option: &str, text: &str) -> Failure {
    Diagnostic::error(codes::OPTION, format!("`{option} {text}` has no `=`"))
        .hint(format!("write it as a name, `=` and the rest: {option} NAME=…"))
        .into()
}
