//! Settings in YAML, TOML and INI: one file each, with comments around the values, and the same life.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use backout_conformance::{Change, World};
use backout_driver_config::ConfigValues;

use super::{DRIFTED, MIGRATED, SAVED, Settings};

/// A file, its keys, and its text for an address, a password, and whether a value is there that the migration adds.
macro_rules! world {
    ($(#[$about:meta])* $name:ident, $file:literal, $keys:literal, $hostile:literal, $text:expr, $corrupt:literal) => {
        $(#[$about])*
        pub struct $name(Settings);

        impl $name {
            /// Where the file is.
            pub fn file(&self) -> PathBuf {
                self.0.file($file)
            }

            fn put(&self, url: &str, password: &str, is_migrated: bool) {
                let odd = if self.0.hostile.load(Ordering::Relaxed) { $hostile } else { "" };
                let text: fn(&str, &str, bool) -> String = $text;
                self.0.put($file, &text(&format!("{url}{odd}"), password, is_migrated));
            }
        }

        #[async_trait]
        impl World for $name {
            type Driver = ConfigValues;

            async fn new() -> Self {
                Self(Settings::new())
            }

            fn root(&self) -> &Path {
                self.0.folder.path()
            }

            fn config(&self) -> String {
                let name = self.file();
                let name = name.file_name().unwrap().to_str().unwrap();
                format!("file: '{name}'\n{}", $keys)
            }

            async fn set_up(&self) {
                self.put("http://old", SAVED, false);
            }

            async fn migrate(&self) {
                self.put("http://new", MIGRATED, true);
            }

            async fn drift(&self) {
                self.put("http://new", DRIFTED, false);
            }

            async fn write(&self) -> Change {
                Change::Impossible("settings hold no data that users write")
            }

            async fn remove(&self) -> Change {
                fs::remove_file(self.file()).unwrap();
                Change::Made
            }

            async fn corrupt(&self) -> Change {
                let mut text = fs::read(self.file()).unwrap();
                text.extend_from_slice($corrupt);
                fs::write(self.file(), text).unwrap();
                Change::Made
            }

            async fn become_hostile(&self) -> Change {
                self.0.hostile.store(true, Ordering::Relaxed);
                Change::Made
            }

            fn secrets(&self) -> Vec<String> {
                [SAVED, MIGRATED, DRIFTED].map(str::to_owned).to_vec()
            }
        }
    };
}

world!(
    /// A YAML file.
    YamlWorld,
    "app.yaml",
    "keys: [server.url, '\"hosts.example\".login', flags]\nsecrets: ['\"hosts.example\".login']\n",
    "/$(touch PWNED)/`touch PWNED`; touch PWNED",
    |url, password, is_migrated| {
        let flags = if is_migrated { "flags:\n  - uuid # all of them\n" } else { "" };
        format!(
            "# for the front end\n---\nserver: # here\n    url: '{url}' # why\n    port: 8080\n\n'hosts.example':\n  login: \"{password}\"\n{flags}other: [1,\t2]   \n# end"
        )
    },
    b"\n\tlogin: [\n"
);

world!(
    /// A TOML file.
    TomlWorld,
    "app.toml",
    "keys: [server.url, 'hosts.\"a.example\".login', flags]\nsecrets: ['hosts.\"a.example\".login']\n",
    "/$(touch PWNED)/`touch PWNED`; touch PWNED",
    |url, password, is_migrated| {
        let flags = if is_migrated { "\r\n[flags]\r\nuuid = true\r\n" } else { "" };
        format!(
            "# settings\r\nother = 1979-05-27\r\n\r\n[server] # here\r\n  url = \"{url}\" # why\r\n  port = 8080\r\n{flags}\r\n[hosts]\r\n\"a.example\" = {{ login = '{password}', port = 1 }}"
        )
    },
    b"\n[server]\n"
);

world!(
    /// An INI file.
    IniWorld,
    "app.ini",
    "keys: [server.url, '\"hosts.example\".login', flags]\nsecrets: ['\"hosts.example\".login']\n",
    "/$(touch PWNED)/`touch PWNED`; touch PWNED",
    |url, password, is_migrated| {
        let flags = if is_migrated { "flags: uuid\n" } else { "" };
        format!(
            "; settings\nother=1\n{flags}\n[server]\nurl = {url}\nport = 8080 ; why\n\n[hosts.example]\n# who\nlogin: \"{password}\"\nother=1"
        )
    },
    b"\nlogin = \0\n"
);
