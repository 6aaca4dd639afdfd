//! The estates of the design, by pairs that are forced and pairs that are free.

use super::*;

const DIRECTFANZ: &str = "
    dns switched open needs web
    web switched needs cache content db reads config
    config switched open
    cache switched open needs db
    content switched open
    db switched merge";

const DIRECTFANZ_CACHE_IN_PLACE: &str = "
    dns switched open needs web
    web switched needs cache content db reads config
    config switched open
    cache in-place needs db
    content switched open
    db switched open";

const MISTERSMITH: &str = "
    proxy in-place needs web
    web in-place needs orchestrator
    orchestrator in-place needs db messages reads settings
    settings switched open
    db in-place
    nats in-place
    messages in-place inside nats";

const REPLAYDASH: &str = "
    listener switched open needs service
    service switched needs rds reads secret
    secret switched open reads rds
    rds switched open";

const TODO: &str = "
    edge switched open needs api
    api in-place needs db reads link settings
    link switched open
    settings switched open
    db in-place";

const MYSTIRA: &str = "
    dns switched open needs ingress
    ingress switched open needs app
    app switched needs db reads vault
    vault switched open
    db switched merge";

const MIXED: &str = "
    front switched open edge needs api
    api in-place needs db reads settings
    settings switched open
    db switched merge";

/// The middle has no difference, only milestones.
const MIDDLE: &str = "
    web in-place needs pool
    pool switched open needs db
    db in-place
    lone in-place";

#[test]
fn pairs() {
    let estates = [
        (
            DIRECTFANZ,
            "dns.R web.R|config.R web.R|web.Q db.W|db.W db.R|db.W dns.R|cache.R db.R",
            "web.R cache.R|web.R content.R|dns.R config.R",
        ),
        (
            DIRECTFANZ_CACHE_IN_PLACE,
            "dns.R web.R|cache.O web.R|cache.Q db.R",
            "db.R cache.R|dns.R cache.R|content.R cache.R",
        ),
        (
            MISTERSMITH,
            "proxy.Q web.Q|web.Q orchestrator.Q|orchestrator.Q db.R|orchestrator.Q nats.R|nats.O messages.R|\
             settings.R orchestrator.R|db.P orchestrator.O|messages.O orchestrator.O|orchestrator.O web.O|\
             web.O proxy.O|db.V orchestrator.V",
            "db.R nats.R|settings.R db.R|proxy.R web.R",
        ),
        (
            REPLAYDASH,
            "rds.R secret.R|secret.R service.R|listener.R service.R|service.Q rds.R",
            "listener.R secret.R|rds.V secret.R",
        ),
        (
            TODO,
            "api.Q db.R|db.P api.O|link.R api.R|settings.R api.R|api.O edge.R",
            "db.R link.R|link.R settings.R|db.R api.R",
        ),
        (
            MYSTIRA,
            "db.W dns.R|dns.R ingress.R|ingress.R app.R|vault.R app.R|app.Q db.W",
            "app.R db.R|vault.R dns.R",
        ),
        (
            MIXED,
            "front.Q api.Q|api.Q db.W|db.W db.R|db.W api.R|db.W front.R|settings.R api.R|db.O api.O|api.O front.R|\
             front.R front.O|api.V front.V",
            "settings.R db.R|db.R api.R|settings.R db.W",
        ),
        (
            MIDDLE,
            "web.Q db.R|web.Q pool.R|db.O pool.R|db.P pool.O|db.O web.O|pool.O web.O|db.V web.V",
            "web.R db.R|lone.Q web.Q|lone.V db.Q",
        ),
    ];
    for (text, forced, free) in estates {
        let order = order(&estate(text)).unwrap();
        for pair in forced.split('|') {
            let back: Vec<&str> = pair.rsplit(' ').collect();
            assert_eq!(relation(&order, pair), Relation::Forced, "{pair} in{text}");
            assert_eq!(relation(&order, &back.join(" ")), Relation::Reversed, "{pair} turned round in{text}");
        }
        for pair in free.split('|') {
            assert_eq!(relation(&order, pair), Relation::Free, "{pair} in{text}");
        }
    }
}

#[test]
fn the_sequence_is_earliest_then_by_file() {
    let order = order(&estate(TODO)).unwrap();
    let sequence: Vec<String> = order.sequence().map(letters).collect();
    assert_eq!(
        sequence.join(" "),
        "edge.Q api.Q link.Q settings.Q db.Q link.R settings.R db.R api.R link.W settings.W db.W api.W link.P \
         settings.P db.P api.P link.O settings.O db.O api.O link.V settings.V db.V edge.R api.V edge.W edge.P \
         edge.O edge.V"
    );
    for (earlier, later) in sequence.iter().zip(sequence.iter().skip(1)) {
        assert!(order.rank(&milestone(earlier)) <= order.rank(&milestone(later)));
    }
}

#[test]
fn nobody_is_forced_before_itself() {
    let order = order(&estate(TODO)).unwrap();
    assert_eq!(relation(&order, "api.R api.R"), Relation::Free);
}

#[test]
fn predecessors_name_their_rules() {
    let order = order(&estate(TODO)).unwrap();
    let waits = milestone("api.R");
    let found: Vec<String> =
        order.predecessors(&waits).map(|(before, rule)| format!("{before} ({rule})")).collect();
    let expected =
        ["edge.quiesce (rule 3)", "api.quiesce (groups)", "link.revert (rule 5)", "settings.revert (rule 5)"];
    assert_eq!(found, expected);
}

#[test]
fn an_estate_that_cannot_go_back_without_an_outage() {
    // The listener can only leave the old proxy by going back, which waits for the store behind the proxy.
    let text = "
        listener switched open needs proxy store
        proxy switched needs store
        store in-place needs proxy-image
        proxy-image switched";
    assert!(order(&estate(text)).is_ok());
    let text = "
        listener switched open needs image store
        store in-place needs image
        image switched";
    let cycle = order(&estate(text)).unwrap_err();
    assert_eq!(cycle.cause, Cause::CannotQuiesce(vec![name("listener")]));
    assert_eq!(cycle.to_string(), "no order without an outage exists: give `listener` a maintenance mode");
    let expected = "listener.revert before image.revert (rule 2: nobody is left standing on what moves, and listener cannot \
         quiesce, so it leaves by going back)";
    assert_eq!(cycle.steps()[0], expected);
    assert_eq!(
        cycle.steps().last().unwrap(),
        "store.reopen before listener.revert (rule 6: traffic moves to what already stands)"
    );
    let cured = text.replace(" open", "");
    assert!(order(&estate(&cured)).is_ok());
}

#[test]
fn dependencies_in_a_circle() {
    let cycle =
        order(&estate("a in-place needs b\nb switched open reads c\nc in-place inside a")).unwrap_err();
    assert_eq!(
        cycle.to_string(),
        "the dependencies go in a circle (a → b → c → a): take one of these dependencies out"
    );
    let cycle = order(&estate("a in-place needs a")).unwrap_err();
    assert_eq!(cycle.problem(), "the dependencies go in a circle (a → a)");
}

#[test]
fn an_added_edge_that_contradicts() {
    let cycle = order(&estate("a in-place needs b before b.R a.Q\nb in-place")).unwrap_err();
    assert_eq!(
        cycle.to_string(),
        "an added edge contradicts the order: take out `b.revert before a.quiesce`"
    );
    assert_eq!(cycle.steps()[1], "a.quiesce before b.revert (rule 3: nobody uses it while it is rewritten)");
}

/// The example of `docs/order.md`.
#[test]
fn the_drawing_in_the_guide_is_true() {
    let text = "
        edge switched open needs api
        api in-place needs database reads settings
        settings switched open
        database in-place";
    let order = order(&estate(text)).unwrap();
    let drawn = [
        "api.Q database.Q",
        "database.Q database.R",
        "database.R database.P",
        "database.P database.O",
        "database.O api.O",
        "api.Q settings.R",
        "settings.R api.R",
        "api.R api.P",
        "api.P api.O",
        "api.O edge.R",
    ];
    for pair in drawn {
        assert_eq!(relation(&order, pair), Relation::Forced, "{pair}");
    }
    for pair in ["settings.R database.R", "settings.R database.O", "api.R database.R"] {
        assert_eq!(relation(&order, pair), Relation::Free, "{pair}");
    }
    let parts = |differing| taking_part(&estate(text), &names(differing)).into_keys().collect();
    assert_eq!(names("settings api"), parts("settings"));
    assert_eq!(names("database api edge"), parts("database"));
}
