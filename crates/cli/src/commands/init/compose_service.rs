//! One service of a compose file as plain facts. Values of its environment stay in memory and are never shown.

use std::collections::BTreeMap;

use backout_core::migration::{Kind, Tree};

use super::values::Value;

/// What a compose file says of a service, as far as it matters here.
#[derive(Default)]
pub struct Service {
    /// As it is called.
    pub name: String,
    /// Where it stands, from 1.
    pub line: u32,
    /// The image, where it can be shown.
    pub image: Option<String>,
    /// It is built from sources.
    pub is_built: bool,
    /// What is mounted.
    pub mounts: Vec<Mount>,
    /// Files with variables, as written, with their lines.
    pub env_files: Vec<(String, u32)>,
    /// Variables that are written in the compose file itself.
    pub environment: Vec<Value>,
    /// Services that it waits for, with their lines.
    pub depends_on: Vec<(String, u32)>,
    /// Published ports.
    pub ports: Vec<String>,
    /// `$NAME` stands somewhere in it.
    pub has_variables: bool,
    /// Keys that lead elsewhere and are not followed.
    pub not_followed: Vec<&'static str>,
}

/// A mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// What is mounted.
    pub source: MountSource,
    /// Where the container sees it.
    pub target: String,
    /// Where it stands, from 1.
    pub line: u32,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSource {
    /// A path of the host, as written.
    Host(String),
    /// A volume, by its name.
    Volume(String),
    /// A volume without a name, or memory.
    Nameless,
    /// A path that holds a variable or begins at a home folder.
    Variable,
}

/// Reads a service.
pub fn read(name: &str, tree: &Tree, line: u32) -> Service {
    let items = |key: &str| tree.get(key).map(list).unwrap_or_default();
    let text_of = |item: &Tree| text(item).map(str::to_owned);
    Service {
        name: name.to_owned(),
        line,
        image: tree.get("image").and_then(text).and_then(image),
        is_built: tree.get("build").is_some_and(|build| !build.is_null()),
        mounts: items("volumes").into_iter().filter_map(mount).collect(),
        env_files: items("env_file")
            .into_iter()
            .filter_map(|item| {
                let path = text(item).or_else(|| item.get("path").and_then(text))?;
                Some((path.to_owned(), item.span.line))
            })
            .collect(),
        environment: tree.get("environment").map(variables).unwrap_or_default(),
        depends_on: depends_on(tree),
        ports: items("ports")
            .into_iter()
            .filter_map(|item| text_of(item).filter(|port| is_port(port)))
            .collect(),
        has_variables: has_variables(tree),
        not_followed: ["extends", "configs", "secrets"]
            .into_iter()
            .filter(|key| tree.get(key).is_some())
            .collect(),
    }
}

/// How many parts a list or map has.
pub fn length(tree: &Tree) -> usize {
    match &tree.kind {
        Kind::Scalar(_) => 1,
        Kind::List(items) => items.len(),
        Kind::Map(entries) => entries.len(),
    }
}

/// The text of a scalar.
pub fn text(tree: &Tree) -> Option<&str> {
    match &tree.kind {
        Kind::Scalar(scalar) if !scalar.text.is_empty() => Some(&scalar.text),
        _ => None,
    }
}

/// The items of a list; a single one may stand for itself.
fn list(tree: &Tree) -> Vec<&Tree> {
    match &tree.kind {
        Kind::List(items) => items.iter().collect(),
        Kind::Scalar(_) => vec![tree],
        Kind::Map(_) => Vec::new(),
    }
}

/// `environment` as a map, or as a list of `NAME=value`.
fn variables(tree: &Tree) -> Vec<Value> {
    let own = |key: &str, value: Option<&str>| Value { key: key.to_owned(), text: value.map(str::to_owned) };
    match &tree.kind {
        Kind::Map(entries) => entries.iter().map(|(key, value)| own(&key.value, text(value))).collect(),
        _ => list(tree)
            .into_iter()
            .filter_map(text)
            .map(|line| match line.split_once('=') {
                Some((key, value)) => own(key, Some(value)),
                None => own(line, None),
            })
            .collect(),
    }
}

fn depends_on(tree: &Tree) -> Vec<(String, u32)> {
    let Some(on) = tree.get("depends_on") else { return Vec::new() };
    match &on.kind {
        Kind::Map(entries) => entries.iter().map(|(key, _)| (key.value.clone(), key.span.line)).collect(),
        _ => list(on).into_iter().filter_map(|item| Some((text(item)?.to_owned(), item.span.line))).collect(),
    }
}

/// `SOURCE:TARGET[:MODE]`, or the long form.
fn mount(item: &Tree) -> Option<Mount> {
    let line = item.span.line;
    if let Kind::Map(_) = item.kind {
        let target = item.get("target").and_then(text)?.to_owned();
        let source = match (item.get("type").and_then(text), item.get("source").and_then(text)) {
            (Some("bind"), Some(path)) => host(path),
            (_, Some(name)) => MountSource::Volume(name.to_owned()),
            _ => MountSource::Nameless,
        };
        return Some(Mount { source, target, line });
    }
    let written = text(item)?;
    if written.contains('$') {
        return Some(Mount { source: MountSource::Variable, target: String::new(), line });
    }
    let mut parts = written.split(':');
    let first = parts.next()?;
    let Some(target) = parts.next() else {
        return Some(Mount { source: MountSource::Nameless, target: first.to_owned(), line });
    };
    let source =
        if first.starts_with(['/', '.', '~']) { host(first) } else { MountSource::Volume(first.to_owned()) };
    Some(Mount { source, target: target.to_owned(), line })
}

fn host(path: &str) -> MountSource {
    if path.contains('$') || path.starts_with('~') {
        MountSource::Variable
    } else {
        MountSource::Host(path.to_owned())
    }
}

/// An image as it may be shown: nothing that could be a password, and of variables their names only.
fn image(written: &str) -> Option<String> {
    let mut shown = String::new();
    let mut rest = written;
    while let Some((before, inside)) = rest.split_once("${") {
        let (inside, after) = inside.split_once('}')?;
        let name = inside.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
        shown.push_str(&format!("{before}${{{name}}}"));
        rest = after;
    }
    shown.push_str(rest);
    let is_plain = shown.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:@${}".contains(c));
    let has_account = shown.split_once('@').is_some_and(|(_, behind)| !behind.starts_with("sha256:"));
    (is_plain && !has_account && shown.len() <= 300).then_some(shown)
}

/// Whether an image means the same tomorrow, as far as its name tells.
pub fn is_fixed(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    name.contains('@') || name.split_once(':').is_some_and(|(_, tag)| tag != "latest" && !tag.contains('$'))
}

fn is_port(text: &str) -> bool {
    text.len() <= 60 && text.chars().all(|c| c.is_ascii_hexdigit() || ".:-/[]tcpud".contains(c))
}

fn has_variables(tree: &Tree) -> bool {
    match &tree.kind {
        Kind::Scalar(scalar) => scalar.text.replace("$$", "").contains('$'),
        Kind::List(items) => items.iter().any(has_variables),
        Kind::Map(entries) => entries.iter().any(|(_, value)| has_variables(value)),
    }
}

impl Service {
    /// Where a path that the container sees lies on the host, by the mounts that are given with their host paths.
    pub fn on_host(seen: &str, mounts: &BTreeMap<String, std::path::PathBuf>) -> Option<std::path::PathBuf> {
        let seen = std::path::Path::new(seen);
        let (target, host) = mounts
            .iter()
            .filter(|(target, _)| seen.starts_with(target))
            .max_by_key(|(target, _)| target.len())?;
        let inner = seen.strip_prefix(target).ok()?;
        Some(if inner.as_os_str().is_empty() { host.clone() } else { host.join(inner) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;

    fn service(text: &str) -> Service {
        read("api", &yaml::read(text).unwrap().unwrap(), 1)
    }

    #[test]
    fn mounts_are_told_apart() {
        use MountSource::{Host, Nameless, Variable, Volume};
        for (text, source, target) in [
            ("./data:/data:ro", Host("./data".into()), "/data"),
            ("/srv/x:/x", Host("/srv/x".into()), "/x"),
            ("cache:/cache", Volume("cache".into()), "/cache"),
            ("/anonymous", Nameless, "/anonymous"),
            ("~/x:/x", Variable, "/x"),
            ("${D:-./d}:/d", Variable, ""),
            ("{type: bind, source: ./a, target: /a}", Host("./a".into()), "/a"),
            ("{type: volume, source: v, target: /v}", Volume("v".into()), "/v"),
            ("{type: tmpfs, target: /t}", Nameless, "/t"),
        ] {
            let mounts = service(&format!("volumes:\n  - {text}\n")).mounts;
            assert_eq!(mounts, [Mount { source, target: target.into(), line: 2 }], "{text}");
        }
    }

    #[test]
    fn images_are_shown_without_what_could_be_secret() {
        for (written, expected) in [
            ("todo:1.4", Some("todo:1.4")),
            ("todo@sha256:abc", Some("todo@sha256:abc")),
            ("r.example:5000/todo:${TAG:-hush}", Some("r.example:5000/todo:${TAG}")),
            ("user:hush@r.example/todo", None),
            ("to\\ndo", None),
        ] {
            assert_eq!(image(written).as_deref(), expected, "{written}");
        }
    }

    #[test]
    fn images_that_move_are_known() {
        for (image, expected) in [
            ("todo:1.4", true),
            ("r.example:5000/todo:1", true),
            ("todo@sha256:abc", true),
            ("todo", false),
            ("r.example:5000/todo", false),
            ("todo:latest", false),
            ("todo:${TAG}", false),
        ] {
            assert_eq!(is_fixed(image), expected, "{image}");
        }
    }

    #[test]
    fn both_forms_of_lists_are_read() {
        let one = service(
            "depends_on: [db]\nenv_file: a.env\nenvironment: [A=1, B]\nports: [\"80:80\", \"${P}:1\"]\n",
        );
        let other = service(
            "depends_on: {db: {condition: x}}\nenv_file: [{path: a.env}]\nenvironment: {A: 1, B: }\nports: [\"80:80\"]\n",
        );
        for service in [&one, &other] {
            assert_eq!(service.depends_on, [("db".to_owned(), 1)]);
            assert_eq!(
                service.env_files.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
                ["a.env"]
            );
            let keys: Vec<_> = service.environment.iter().map(|value| value.key.as_str()).collect();
            assert_eq!(keys, ["A", "B"]);
            assert_eq!(service.ports, ["80:80"]);
        }
        assert!(one.has_variables && !other.has_variables);
    }

    #[test]
    fn a_path_in_the_container_is_found_on_the_host() {
        let mounts =
            BTreeMap::from([("/data".to_owned(), "/h/a".into()), ("/data/x".to_owned(), "/h/b".into())]);
        for (seen, expected) in
            [("/data/app.db", Some("/h/a/app.db")), ("/data/x", Some("/h/b")), ("/else", None)]
        {
            assert_eq!(Service::on_host(seen, &mounts), expected.map(Into::into), "{seen}");
        }
    }
}
