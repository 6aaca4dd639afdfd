//! What the ways of writing settings have in common: find named values in a text, and change just these.

use std::collections::BTreeMap;

use backout_core::secret::Secret;

use crate::config::{Chosen, Format};
use crate::key::Key;
use crate::secrecy::is_sensitive;
use crate::splice::{beginning, line_of};
use crate::state::{Held, Site, same_values};
use crate::turns::in_turn;
use crate::{env, ini, json, toml, yaml};

/// Why a text cannot be understood; nothing of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit {
    /// Where, if somewhere; from 1.
    pub(crate) line: Option<usize>,
    /// What is wrong there.
    pub(crate) what: String,
    /// The text is well, but the keys name something in it that nobody can tell, or change, by itself. Then it must
    /// not be set aside as if it were broken.
    pub(crate) is_well: bool,
}

impl Unfit {
    pub(crate) fn at(line: usize, what: impl Into<String>) -> Self {
        Self { line: Some(line), what: what.into(), is_well: false }
    }

    /// In a text that is well.
    pub(crate) fn refused(line: impl Into<Option<usize>>, what: impl Into<String>) -> Self {
        Self { line: line.into(), what: what.into(), is_well: true }
    }

    pub(crate) fn whole(what: impl Into<String>) -> Self {
        Self { line: None, what: what.into(), is_well: false }
    }
}

/// One value as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) raw: String,
    pub(crate) whole: String,
    pub(crate) tail: String,
    pub(crate) site: Site,
}

/// The named values that are in a text.
pub(crate) fn find(chosen: &Chosen, text: &[u8]) -> Result<BTreeMap<String, Held>, Unfit> {
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(Unfit::whole("it is written in UTF-16"));
    }
    let found = match chosen.format {
        Format::Env => env::find(text, &chosen.keys)?,
        Format::Json => json::find(text, &chosen.keys)?,
        Format::Yaml => yaml::find(text, &chosen.keys)?,
        Format::Toml => toml::find(text, &chosen.keys)?,
        Format::Ini => ini::find(text, &chosen.keys)?,
    };
    let held = |(key, found): (&Key, Found)| {
        let sensitive = is_sensitive(chosen, key, &found.raw);
        let held = Held {
            raw: Secret::new(found.raw),
            whole: Secret::new(found.whole),
            tail: Secret::new(found.tail),
            site: found.site,
            sensitive,
        };
        (key.text.clone(), held)
    };
    Ok(found.into_iter().map(held).collect())
}

/// The text with just the named values as wanted. Checked: reading the result finds the wanted values, and among
/// the rest the same as before.
pub(crate) fn edit(chosen: &Chosen, text: &[u8], wanted: &BTreeMap<String, Held>) -> Result<Vec<u8>, Unfit> {
    find(chosen, text)?;
    let keys = &chosen.keys;
    let edited = match chosen.format {
        Format::Env => env::edit(text, keys, wanted),
        Format::Json => json::edit(text, keys, wanted),
        Format::Yaml => in_turn::<yaml::Yaml>(text, keys, wanted),
        Format::Toml => in_turn::<toml::Toml>(text, keys, wanted),
        Format::Ini => in_turn::<ini::Ini>(text, keys, wanted),
    };
    let is_right = |edited: &Vec<u8>| {
        find(chosen, edited).is_ok_and(|found| same_values(&found, wanted))
            && rest(chosen, edited).is_ok_and(|after| rest(chosen, text).is_ok_and(|before| before == after))
    };
    let what = "the saved values cannot be written into it without changing what stands around them";
    edited.ok().filter(is_right).ok_or_else(|| Unfit::refused(None, what))
}

/// What the text says besides the named values, told so that it can be compared.
fn rest(chosen: &Chosen, text: &[u8]) -> Result<Vec<String>, Unfit> {
    match chosen.format {
        // They change nothing but single lines or members, whose borders need no context.
        Format::Env | Format::Json => Ok(Vec::new()),
        Format::Yaml => yaml::rest(text, &chosen.keys),
        Format::Toml => toml::rest(text, &chosen.keys),
        Format::Ini => ini::rest(text, &chosen.keys),
    }
}

/// The text behind its mark.
pub(crate) fn as_text(text: &[u8]) -> Result<&str, Unfit> {
    let text = text.get(beginning(text)..).unwrap_or_default();
    std::str::from_utf8(text)
        .map_err(|error| Unfit::at(line_of(text, error.valid_up_to()), "it is not UTF-8"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::ValuesConfig;
    use backout_core::migration::Reference;

    /// A choice of keys, for tests.
    pub(crate) fn chosen(format: Format, keys: &[&str]) -> Chosen {
        Chosen::read(&ValuesConfig {
            file: Reference::literal("file"),
            format: Some(format),
            keys: keys.iter().map(ToString::to_string).collect(),
            secrets: Vec::new(),
            plain: Vec::new(),
        })
        .unwrap()
    }

    /// Every way to lose some of the values leads back to the very same bytes.
    pub(crate) fn comes_back_whole(format: Format, keys: &[&str], text: &str) {
        let chosen = chosen(format, keys);
        let saved = find(&chosen, text.as_bytes()).unwrap();
        assert!(!saved.is_empty(), "{text:?}");
        for lost in 0..1u32 << keys.len() {
            let mut left = saved.clone();
            for (number, key) in keys.iter().enumerate() {
                if lost & (1 << number) != 0 {
                    left.remove(*key);
                }
            }
            let without = edit(&chosen, text.as_bytes(), &left).unwrap();
            let back = edit(&chosen, &without, &saved).unwrap();
            let (without, back) = (String::from_utf8(without).unwrap(), String::from_utf8(back).unwrap());
            assert_eq!(back, text, "lost {lost:b}, by way of {without:?}");
        }
    }

    /// The text without some of the values; the bits of `lost` say which.
    fn without(chosen: &Chosen, text: &str, lost: u32) -> Vec<u8> {
        let mut left = find(chosen, text.as_bytes()).unwrap();
        for (number, key) in chosen.keys.iter().enumerate() {
            if lost & (1 << number) != 0 {
                left.remove(&key.text);
            }
        }
        edit(chosen, text.as_bytes(), &left).unwrap()
    }

    /// Two texts that differ in the named values only, some of them lost in either: the one made from the other is
    /// the very same bytes.
    pub(crate) fn one_leads_to_the_other(chosen: &Chosen, saved: (&str, u32), live: (&str, u32)) {
        let (saved, live) = (without(chosen, saved.0, saved.1), without(chosen, live.0, live.1));
        let held = find(chosen, &saved).unwrap();
        let back = edit(chosen, &live, &held).unwrap();
        let [back, saved, live] = [back, saved, live].map(|text| String::from_utf8(text).unwrap());
        assert_eq!(back, saved, "from {live:?}");
    }
}
