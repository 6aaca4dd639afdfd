//! Plans on disk: reviewed, handed on, carried out; never edited, never stale.

use super::world::World;

fn planned() -> World {
    let world = World::migrated();
    world.ok(&["plan", "--out", "plan.json"]);
    world
}

#[test]
fn a_reviewed_plan_needs_no_yes() {
    let world = planned();
    let shown = world.ok(&["show", "plan.json"]);
    assert!(shown.says("site.revert"), "{}", shown.text());
    world.ok(&["rollback", "--plan", "plan.json"]);
    assert!(world.is_back());
}

#[test]
fn an_edited_plan_is_refused() {
    let world = planned();
    let text = world.read("plan.json");
    for (what, edited) in [
        ("a title", text.replace("put site back", "put site far back")),
        ("a step", text.replace("\"site.revert\"", "\"site.reverts\"")),
        ("a number", text.replace("\"steps\": 4", "\"steps\": 3")),
        ("a note", text.replace("\"notes\": []", "\"notes\": [\"x\"]")),
    ] {
        assert_ne!(edited, text, "{what}");
        world.write("edited.json", edited);
        for arguments in [&["show", "edited.json"][..], &["rollback", "--plan", "edited.json"]] {
            let seen = world.run(arguments);
            assert_eq!(seen.exit, 2, "{what}: {}", seen.text());
            assert!(seen.says("BK0704"), "{what}: {}", seen.text());
        }
    }
    assert!(!world.is_back());
}

#[test]
fn what_is_no_plan_is_refused() {
    let world = planned();
    let text = world.read("plan.json");
    world.write("cut.json", &text[..text.len() / 2]);
    world.write("other.json", "{\"a\": 1}");
    world.write("newer.json", text.replace("\"format\": 1,\n  \"plan\"", "\"format\": 9,\n  \"plan\""));
    for name in ["cut.json", "other.json", "newer.json", "absent.json", "site"] {
        let seen = world.run(&["rollback", "--plan", name]);
        assert_eq!(seen.exit, 2, "{name}: {}", seen.text());
        assert!(seen.says("BK0703"), "{name}: {}", seen.text());
    }
}

#[test]
fn a_stale_plan_is_refused_by_name() {
    let world = planned();
    world.link("releases/3", "current");
    let seen = world.run(&["rollback", "--plan", "plan.json"]);
    assert_eq!(seen.exit, 4, "{}", seen.text());
    assert!(seen.says("BK0306") && seen.says("`current`"), "{}", seen.text());
    assert_eq!(world.read("site/a.txt"), "twofold\n");
}

#[test]
fn the_plan_of_another_checkpoint_is_stale() {
    let world = planned();
    world.ok(&["capture"]);
    let seen = world.run(&["rollback", "--plan", "plan.json"]);
    assert_eq!(seen.exit, 4, "{}", seen.text());
}

#[test]
fn a_plan_never_replaces_anything_else() {
    let world = planned();
    let seen = world.run(&["plan", "--out", "backout.yaml"]);
    assert_eq!(seen.exit, 4, "{}", seen.text());
    assert!(world.read("backout.yaml").starts_with("migration: small"));
    world.ok(&["plan", "--out", "plan.json"]);
}
