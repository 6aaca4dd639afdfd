//! Which values must not be shown. Hiding one too many costs a look into a file, showing one costs a password.

use crate::config::{Chosen, Format};
use crate::key::Key;

/// Pieces of names of things that people keep to themselves, without separators, in lower case.
const SECRET_WORDS: [&str; 14] = [
    "secret",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "token",
    "private",
    "credential",
    "apikey",
    "accesskey",
    "auth",
    "signature",
    "salt",
    "cookie",
];

/// How such names end; in the middle of a name these mean too many other things.
const SECRET_ENDINGS: [&str; 4] = ["key", "pass", "pin", "dsn"];

/// Whether a value must be hidden: because somebody said so, because its name or a name within it looks secret, or
/// because it holds a password.
pub(crate) fn is_sensitive(chosen: &Chosen, key: &Key, value: &str) -> bool {
    if chosen.secrets.contains(&key.text) {
        return true;
    }
    if chosen.plain.contains(&key.text) {
        return false;
    }
    key.pieces.iter().any(|piece| looks_secret(piece))
        || names_within(chosen.format, value).into_iter().any(looks_secret)
        || holds_password(value)
}

fn looks_secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| plain.contains(word))
        || SECRET_ENDINGS.iter().any(|word| plain.ends_with(word))
}

/// What might be names of members in a value: in JSON whatever stands in quotes before a colon; in a value of several
/// parts in YAML or TOML whatever stands before a colon or `=`, and headers.
fn names_within(format: Format, value: &str) -> Vec<&str> {
    match format {
        Format::Env | Format::Ini | Format::Json if value.starts_with(['{', '[']) => value
            .split(':')
            .filter_map(|before| before.trim_end().strip_suffix('"')?.rsplit('"').next())
            .collect(),
        Format::Yaml | Format::Toml
            if value.contains('\n') || value.starts_with([' ', '-', '{', '[', '!', '|', '>']) =>
        {
            let is_name = |part: &&str| part.contains([':', '=']) || part.starts_with(['?', '[']);
            let parts = value.split(['\n', ',', '{', '}']).map(str::trim).filter(is_name);
            parts.filter_map(|part| part.split([':', '=']).next()).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether the value has an address with a password in it (`scheme://user:password@host`), or one of the forms in
/// which keys are handed out.
fn holds_password(value: &str) -> bool {
    // JSON and YAML let people escape a slash.
    let value = &value.replace("\\/", "/");
    let in_address = value.split("://").skip(1).any(|after| {
        // The password itself may hold a slash that nobody escaped.
        let address = after.split(['?', '#', ' ', '"', '\'', '\n']).next().unwrap_or_default();
        address.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    });
    let lower = value.to_ascii_lowercase();
    in_address || lower.contains("-----begin") || lower.contains("password=") || lower.contains("bearer ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Format, ValuesConfig};
    use backout_core::migration::Reference;

    #[test]
    fn names_within_values_are_looked_at() {
        let chosen = |format| crate::format::tests::chosen(format, &["place"]);
        let name = Key::path("place").unwrap();
        for (format, value, expected) in [
            (Format::Yaml, "  host: x\n  password: y", true),
            (Format::Yaml, "  'db password' : y", true),
            (Format::Yaml, "- token: y", true),
            (Format::Yaml, "{host: x, api-key: y}", true),
            (Format::Yaml, "|\n    host: x\n    secret = y", true),
            (Format::Yaml, "!t\n  ? password\n  : y", true),
            (Format::Yaml, "  host: x\n  port: 1", false),
            (Format::Yaml, "https://auth.example:80/", false),
            (Format::Yaml, "\"postgres:\\/\\/app:y@db\"", true),
            (Format::Toml, "{ host = 'x', password = 'y' }", true),
            (Format::Toml, "[server.auth]\nhost = 'x'", true),
            (Format::Toml, "[s]\nhost = 'x'", false),
            (Format::Toml, "\'\'\'\npassword: y\'\'\'", true),
            (Format::Toml, "'x = token'", false),
            (Format::Env, "a: token", false),
        ] {
            assert_eq!(is_sensitive(&chosen(format), &name, value), expected, "{value}");
        }
    }

    #[test]
    fn what_is_hidden() {
        let chosen = Chosen::read(&ValuesConfig {
            file: Reference::literal("x"),
            format: Some(Format::Json),
            keys: ["COLOUR", "PUBLIC_KEY"].map(String::from).to_vec(),
            secrets: vec!["COLOUR".into()],
            plain: vec!["PUBLIC_KEY".into()],
        })
        .unwrap();
        for (key, value, expected) in [
            ("COLOUR", "red", true),
            ("PUBLIC_KEY", "x", false),
            ("API_URL", "https://api.example/v1?x=a:b@c", false),
            ("DATABASE_PASSWORD", "x", true),
            ("db_pass", "x", true),
            ("GITHUB_TOKEN", "x", true),
            ("SecretSauce", "x", true),
            ("STRIPE_API_KEY", "x", true),
            ("KEYBOARD_LAYOUT", "de", false),
            ("PASSENGERS", "3", false),
            ("PRIVATE_PEM", "x", true),
            ("PORT", "8080", false),
            ("MONKEY", "x", true),
            ("auth.jwt", "x", true),
            ("DATABASE_URL", "postgres://app:hunter2@db/x", true),
            ("DATABASE_URL", "\"postgres://app:hun/ter2@db/x\"", true),
            ("DATABASE_URL", "postgres://db/x", false),
            ("DATABASE_URL", "postgres://app@db:5432/x", false),
            ("EMAIL", "me@example.org", false),
            ("CERTIFICATE", "-----BEGIN RSA", true),
            ("database", r#"{"host": "x", "password" : "y"}"#, true),
            ("database", r#"{"host": "x", "port": 1}"#, false),
            ("header", "Bearer abc", true),
        ] {
            let key = Key::path(key).unwrap();
            assert_eq!(is_sensitive(&chosen, &key, value), expected, "{key} {value}");
        }
    }
}
