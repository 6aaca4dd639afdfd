//! What a YAML document says besides the named values.

use super::tree::{Kind, Node, read};
use crate::format::{Unfit, as_text};
use crate::key::Key;

/// One line for each thing, in order. Maps on the way to named values say nothing themselves, for they come and go
/// with these.
pub(crate) fn rest(text: &[u8], keys: &[Key]) -> Result<Vec<String>, Unfit> {
    let document = read(as_text(text)?)?;
    let mut said = Vec::new();
    let keys: Vec<&[String]> = keys.iter().map(|key| key.pieces.as_slice()).collect();
    if let Some(root) = &document.root {
        tell(root, &keys, &mut said);
    }
    Ok(said)
}

fn tell(node: &Node<'_>, keys: &[&[String]], said: &mut Vec<String>) {
    let is_on_the_way = !keys.is_empty();
    let about = format!("{} {}", node.tag.as_deref().unwrap_or_default(), node.is_anchor);
    match &node.kind {
        Kind::Scalar(..) if is_on_the_way && node.is_nothing() => {}
        Kind::Scalar(text, style) => said.push(format!("{style:?} {about} {text}")),
        Kind::Alias => said.push(format!("alias {about}")),
        Kind::List(items) => {
            said.push(format!("list {about}"));
            items.iter().for_each(|item| tell(item, &[], said));
            said.push("end".to_owned());
        }
        Kind::Map { members, .. } => {
            if !is_on_the_way {
                said.push(format!("map {about}"));
            }
            for (name, value) in members {
                member(name, value, keys, said);
            }
            if !is_on_the_way {
                said.push("end".to_owned());
            }
        }
    }
}

fn member(name: &Node<'_>, value: &Node<'_>, keys: &[&[String]], said: &mut Vec<String>) {
    let within: Vec<&[String]> = keys
        .iter()
        .filter_map(|key| key.split_first())
        .filter(|(first, _)| name.name() == Some(first.as_str()))
        .map(|(_, rest)| rest)
        .collect();
    if within.iter().any(|rest| rest.is_empty()) {
        return;
    }
    let before = said.len();
    tell(name, &[], said);
    let key_end = said.len();
    tell(value, &within, said);
    if !within.is_empty() && said.len() == key_end {
        said.truncate(before);
    }
}
