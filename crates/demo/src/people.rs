//! The users of the demo and their passwords, which are known by rule so that log-in can be proven.

use anyhow::{Result, anyhow};
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};

/// One user as first created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// Counts from 1, and is the integer key of release 1.4.0.
    pub number: usize,
    /// With it one logs in.
    pub email: &'static str,
    /// As shown to others.
    pub name: &'static str,
}

impl Person {
    /// The password of this user.
    pub fn password(&self) -> String {
        format!("correct-horse-{}", self.number)
    }
}

const NAMES: [(&str, &str); 12] = [
    ("ada@todo.example", "Ada Lovelace"),
    ("zoe@todo.example", "Zoë Fjordgård"),
    ("lukasz@todo.example", "Łukasz Żółć"),
    ("sakura@todo.example", "小林 さくら"),
    ("maria@todo.example", "Мария Петрова"),
    ("jose@todo.example", "José Núñez"),
    ("soren@todo.example", "Søren Æbelø"),
    ("nguyen@todo.example", "Nguyễn Thị Hạnh"),
    ("noor@todo.example", "نور الهدى"),
    ("obrien@todo.example", "Siobhán O’Brien"),
    ("eleni@todo.example", "Ελένη Παπαδάκη"),
    ("grace@todo.example", "Grace \"Amazing\" Hopper 🚢"),
];

/// Everybody, in the order of their numbers.
pub fn everybody() -> impl ExactSizeIterator<Item = Person> + Clone {
    NAMES.iter().enumerate().map(|(index, &(email, name))| Person { number: index + 1, email, name })
}

/// The argon2id hash of a user's password, with a salt that follows from the user, so that every estate is
/// created alike. Memory is small because a demo logs in often, also in a debug build.
pub(crate) fn hash(person: Person) -> Result<String> {
    let params = Params::new(256, 1, 1, None).map_err(|error| anyhow!("choose hash parameters: {error}"))?;
    let salt = format!("salt of user {:02}", person.number);
    let hash: PasswordHash = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(person.password().as_bytes(), salt.as_bytes())
        .map_err(|error| anyhow!("hash the password of {}: {error}", person.email))?;
    Ok(hash.to_string())
}

/// Whether `password` belongs to the stored hash; a hash that cannot be read belongs to no password.
pub(crate) fn verify(password: &str, hash: &str) -> bool {
    Argon2::default().verify_password(password.as_bytes(), hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_belongs_to_its_password_alone() {
        let (ada, zoe) = (everybody().next().unwrap(), everybody().nth(1).unwrap());
        let stored = hash(ada).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=256,t=1,p=1$"), "{stored}");
        assert!(verify(&ada.password(), &stored));
        assert!(!verify(&zoe.password(), &stored));
        assert!(!verify(&ada.password(), "damaged"));
    }
}
