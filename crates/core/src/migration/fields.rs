//! The fields that the file itself has, each with the sentence that an editor and `backout explain` show.

/// A field with what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// As written.
    pub name: &'static str,
    /// One or two sentences.
    pub description: &'static str,
}

macro_rules! fields {
    ($(#[$doc:meta])* $table:ident, $(#[$names_doc:meta])* $names:ident: $($name:literal => $description:literal;)*) => {
        $(#[$doc])*
        pub const $table: &[Field] = &[$(Field { name: $name, description: $description }),*];
        $(#[$names_doc])*
        pub const $names: &[&str] = &[$($name),*];
    };
}

fields! {
    /// At the top of the file.
    FILE,
    /// Their names.
    FILE_NAMES:
    "migration" => "The name of the migration: letters, digits, `.`, `_` and `-`. It marks targets, checkpoints and the journal.";
    "environment" => "A label that the targets must bear too, so that a file for staging never touches production.";
    "roots" => "Absolute folders outside the file's own in which components may have paths. Nothing leaves them.";
    "store" => "Where the journal lives: a folder or the address of a shared store. Without it, `.backout` beside the file.";
    "vault" => "Where the data of checkpoints live (`at`) and what seals them (`key`).";
    "limits" => "How many steps run side by side, and how much the checkpoint of the present may take.";
    "components" => "The things that can be put back, by name.";
    "phases" => "Groups of components that are cut over together, in order. Without them all components are one phase.";
}

fields! {
    /// Of every component, whatever its kind.
    COMPONENT,
    /// Their names.
    COMPONENT_NAMES:
    "kind" => "What it is, such as `sqlite.database`. `backout drivers` lists the kinds.";
    "needs" => "Components that it uses while running. It stops before they are touched and starts after them.";
    "reads" => "Components whose value it takes at start, such as settings or a secret. It restarts when they are put back.";
    "inside" => "The component that it lives in, such as the server of a stream.";
    "compatible" => "Dependencies of which both sides of the migration work with both sides of this component.";
    "live" => "`accepted`: it goes on working while what it needs is rewritten under it.";
    "edge" => "`true`: it lets traffic in (DNS, a listener, a proxy) and opens last of all that stands behind it.";
    "writes" => "What becomes of what users wrote since: `merge` puts it back in, `review` keeps it for a person, `accept-loss` gives it up.";
    "verify" => "Looks from outside that say whether it works once it is put back.";
    "then" => "Programs to run once per run after it is put back, such as clearing a cache.";
    "before" => "Groups of other components, such as `api.reopen`, that wait for this one's `revert`, or for the group named.";
    "after" => "Groups of other components, such as `api.prove`, that this one's `revert`, or the group named, waits for.";
    "timeout" => "The longest time for one of its steps.";
    "owner" => "Who answers for it.";
}

/// Finds a field by its name, a component's first.
pub fn find(name: &str) -> Option<Field> {
    COMPONENT.iter().chain(FILE).find(|field| field.name == name).copied()
}
