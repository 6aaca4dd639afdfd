//! The ways to close the door of a process, as a person writes them.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use backout_core::migration::{DurationText, Reference};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::config::SignalName;

/// How the door is closed, and how it is seen that nobody is inside any more.
#[derive(Debug, Clone, Default)]
pub struct Quiesce {
    /// How it is closed.
    pub how: How,
    /// Where to read whether somebody is still inside.
    pub drained: Option<Drained>,
}

/// How the door is closed.
#[derive(Debug, Clone, Default)]
pub enum How {
    /// By ending the process.
    #[default]
    Stop,
    /// By a signal, and opened by another.
    Signal {
        /// Closes.
        close: SignalName,
        /// Opens.
        open: SignalName,
    },
    /// By a setting that the running process heeds.
    Setting(Setting),
    /// By a program, and opened by another.
    Command {
        /// Closes; returns when nobody is inside.
        close: Vec<String>,
        /// Opens.
        open: Vec<String>,
    },
}

/// One key of a settings file of lines `KEY=value`.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The file.
    pub file: PathBuf,
    /// The key; no other is touched.
    pub key: String,
    /// Its value while the door is shut.
    pub closed: String,
    /// Its value while the door is open.
    pub open: String,
}

/// A question to the process that tells whether somebody is still inside.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drained {
    /// Where to ask; answers JSON.
    pub url: Reference,
    /// Where in the answer to look, such as `/in_flight`.
    pub json: String,
    /// What stands there once nobody is inside.
    pub equals: Value,
    /// How long those who are inside may take.
    #[serde(default = "drained_within")]
    pub within: DurationText,
}

fn drained_within() -> DurationText {
    DurationText(Duration::from_secs(10))
}

/// The map form of [`Quiesce`]: one of the three ways, what undoes it, and `drained`.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    /// The signal that closes the door; `undo` names the one that opens it.
    #[serde(default)]
    signal: Option<SignalName>,
    /// The setting that closes and opens the door.
    #[serde(default)]
    setting: Option<Setting>,
    /// The program that closes the door; `undo` is the one that opens it.
    #[serde(default)]
    command: Option<Vec<String>>,
    /// What opens the door: a signal or a program.
    #[serde(default)]
    undo: Option<Undo>,
    /// How it is seen that nobody is inside any more.
    #[serde(default)]
    drained: Option<Drained>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
enum Undo {
    Signal(SignalName),
    Command(Vec<String>),
}

impl Written {
    fn read(self) -> Result<Quiesce, &'static str> {
        let how = match (self.signal, self.setting, self.command, self.undo) {
            (Some(close), None, None, Some(Undo::Signal(open))) => How::Signal { close, open },
            (Some(_), None, None, _) => {
                return Err("a `signal` wants `undo: SIGNAL`, the signal that opens again");
            }
            (None, Some(setting), None, None) => How::Setting(setting),
            (None, Some(_), None, Some(_)) => {
                return Err("a `setting` has no `undo`: it names `open` itself");
            }
            (None, None, Some(close), Some(Undo::Command(open))) => How::Command { close, open },
            (None, None, Some(_), _) => {
                return Err("a `command` wants `undo: [PROGRAM, ..]`, which opens again");
            }
            _ => return Err("name exactly one of `signal`, `setting` and `command`"),
        };
        Ok(Quiesce { how, drained: self.drained })
    }
}

impl<'de> Deserialize<'de> for Quiesce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ways;
        impl<'de> Visitor<'de> for Ways {
            type Value = Quiesce;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`stop`, or a map with `signal`, `setting` or `command`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Quiesce, E> {
                match text {
                    "stop" => Ok(Quiesce::default()),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Quiesce, M::Error> {
                Written::deserialize(MapAccessDeserializer::new(map))?.read().map_err(de::Error::custom)
            }
        }
        deserializer.deserialize_any(Ways)
    }
}

impl<'de> Deserialize<'de> for Undo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SignalOrProgram;
        impl<'de> Visitor<'de> for SignalOrProgram {
            type Value = Undo;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a signal such as `USR2`, or a list with a program and its arguments")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Undo, E> {
                SignalName::deserialize(StrDeserializer::new(text)).map(Undo::Signal)
            }
            fn visit_seq<S: SeqAccess<'de>>(self, items: S) -> Result<Undo, S::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(items)).map(Undo::Command)
            }
        }
        deserializer.deserialize_any(SignalOrProgram)
    }
}

impl JsonSchema for Quiesce {
    fn schema_name() -> Cow<'static, str> {
        "Quiesce".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let written = generator.subschema_for::<Written>();
        schemars::json_schema!({
            "description": "How the door is closed: `stop`, or a map with `signal`, `setting` or `command`.",
            "anyOf": [{ "const": "stop" }, written]
        })
    }
}
