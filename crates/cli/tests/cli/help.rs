//! What may be typed.

use super::world::{World, assert_seen};

#[test]
fn the_whole_program() {
    assert_seen!("help", World::empty().run(&["--help"]));
}

#[test]
fn a_command() {
    assert_seen!("help-rollback", World::empty().run(&["rollback", "--help"]));
}

#[test]
fn a_mistyped_command_is_invalid_and_suggests() {
    assert_seen!("help-mistyped", World::empty().run(&["rolback"]));
}

#[test]
fn what_was_typed_is_never_repeated_raw() {
    let seen = World::empty().run(&["plan", "--only", "\u{1b}[31m\u{202e}x"]);
    assert_eq!(seen.exit, 2, "{}", seen.text());
    assert!(!seen.err.contains('\u{1b}') && !seen.err.contains('\u{202e}'), "{:?}", seen.err);
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let seen = World::empty().ok(&["completions", shell]);
        assert!(seen.out.contains("rollback"), "{shell}");
    }
}

#[test]
fn the_schema_knows_fields_and_kinds() {
    let seen = World::empty().ok(&["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&seen.out).unwrap();
    assert!(schema["properties"]["components"].is_object());
    assert!(seen.out.contains("file.tree"));
}
