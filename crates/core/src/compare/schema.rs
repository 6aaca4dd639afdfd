//! Two schemas compared: objects and their properties, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Every object by its kind and name (`table public.orders`), with its properties as text.
pub type Things = BTreeMap<String, BTreeMap<String, String>>;

/// One way in which two schemas differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaDifference {
    /// The object.
    pub object: String,
    /// Its property; none where the whole object is on one side only.
    pub property: Option<String>,
    /// On the left; none where it is not there.
    pub left: Option<String>,
    /// On the right; none where it is not there.
    pub right: Option<String>,
}

/// All differences, by object and property.
pub fn compare_things(left: &Things, right: &Things) -> Vec<SchemaDifference> {
    let mut differences = Vec::new();
    let objects = left.keys().chain(right.keys().filter(|object| !left.contains_key(*object)));
    for object in objects {
        let (here, there) = (left.get(object), right.get(object));
        let (Some(here), Some(there)) = (here, there) else {
            let said = |things: Option<&BTreeMap<String, String>>| things.map(|_| "present".to_owned());
            differences.push(SchemaDifference {
                object: object.clone(),
                property: None,
                left: said(here),
                right: said(there),
            });
            continue;
        };
        for property in here.keys().chain(there.keys().filter(|property| !here.contains_key(*property))) {
            let (left, right) = (here.get(property), there.get(property));
            if left != right {
                differences.push(SchemaDifference {
                    object: object.clone(),
                    property: Some(property.clone()),
                    left: left.cloned(),
                    right: right.cloned(),
                });
            }
        }
    }
    differences.sort_by(|one, other| (&one.object, &one.property).cmp(&(&other.object, &other.property)));
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn things(all: &[(&str, &[(&str, &str)])]) -> Things {
        let properties =
            |of: &[(&str, &str)]| of.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        all.iter().map(|(object, of)| ((*object).to_owned(), properties(of))).collect()
    }

    #[test]
    fn objects_and_properties_of_either_side_are_told() {
        let left = things(&[("table a", &[("owner", "x"), ("old", "1")]), ("table b", &[])]);
        let right = things(&[("table a", &[("owner", "y"), ("new", "2")]), ("table c", &[])]);
        let told: Vec<String> = compare_things(&left, &right)
            .iter()
            .map(|one| format!("{} {:?}: {:?} {:?}", one.object, one.property, one.left, one.right))
            .collect();
        assert_eq!(
            told,
            [
                r#"table a Some("new"): None Some("2")"#,
                r#"table a Some("old"): Some("1") None"#,
                r#"table a Some("owner"): Some("x") Some("y")"#,
                r#"table b None: Some("present") None"#,
                r#"table c None: None Some("present")"#,
            ]
        );
        assert!(compare_things(&left, &left).is_empty());
    }
}
