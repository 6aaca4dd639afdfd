//! How the words are written and read.

use super::*;

#[test]
fn groups() {
    for group in Group::ALL {
        assert_eq!(group.to_string().parse(), Ok(group));
        assert_eq!(serde_json::to_value(group).unwrap(), group.as_str());
    }
    assert!(Group::ALL.is_sorted());
    assert_eq!("Revert".parse::<Group>(), Err(UnknownGroup));
}

#[test]
fn milestones() {
    let dotted = Milestone { component: name("db.main"), group: Group::Revert };
    assert_eq!(dotted.to_string(), "db.main.revert");
    assert_eq!(serde_json::to_string(&dotted).unwrap(), "\"db.main.revert\"");
    assert_eq!(serde_json::from_str::<Milestone>("\"db.main.revert\"").unwrap(), dotted);
    assert_eq!("revert".parse::<Milestone>(), Err(NotAMilestone::Form));
    assert!(matches!(".revert".parse::<Milestone>(), Err(NotAMilestone::Component(_))));
    assert!(matches!("db.undo".parse::<Milestone>(), Err(NotAMilestone::Group(_))));
}

#[test]
fn rules() {
    let all = [
        (Rule::Groups, "groups"),
        (Rule::R1, "1"),
        (Rule::R2, "2"),
        (Rule::R3, "3"),
        (Rule::R4, "4"),
        (Rule::R5, "5"),
        (Rule::R6, "6"),
        (Rule::R7, "7"),
        (Rule::R8, "8"),
        (Rule::EdgeLast, "edge-last"),
        (Rule::Person, "person"),
    ];
    let mut reasons = std::collections::BTreeSet::new();
    for (rule, written) in all {
        assert_eq!(serde_json::to_value(rule).unwrap(), written);
        assert!(reasons.insert(rule.because()), "{rule} has the reason of another");
    }
}

#[test]
fn modes_and_kinds() {
    let written: Vec<String> =
        [Mode::Switched, Mode::InPlace].iter().map(|mode| serde_json::to_string(mode).unwrap()).collect();
    assert_eq!(written, ["\"switched\"", "\"in-place\""]);
    assert_eq!(serde_json::to_string(&DependencyKind::Inside).unwrap(), "\"inside\"");
    assert!(DependencyKind::Needs.uses() && DependencyKind::Inside.uses() && !DependencyKind::Reads.uses());
}
