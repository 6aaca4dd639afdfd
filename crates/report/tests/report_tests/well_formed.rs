//! What holds of every form of every story.

use std::collections::BTreeSet;

use super::stories::all;

/// The elements of a page as they open, with their attributes, checked to close in order.
fn elements(html: &str) -> Vec<(String, String)> {
    const EMPTY: [&str; 2] = ["meta", "!doctype"];
    let mut open: Vec<String> = Vec::new();
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(begin) = rest.find('<') {
        let tag = &rest[begin + 1..];
        let end = tag.find('>').expect("a tag ends");
        let (inside, after) = (&tag[..end], &tag[end + 1..]);
        rest = after;
        if let Some(name) = inside.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closes what was opened last");
            continue;
        }
        let (name, attributes) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
        assert!(name.chars().all(|one| one.is_ascii_alphanumeric() || one == '!'), "{inside:?}");
        assert_eq!(attributes.matches('"').count() % 2, 0, "{inside}");
        let name = name.trim_end_matches('/').to_owned();
        if name == "style" {
            let (_, after) = rest.split_once("</style>").expect("a style sheet ends");
            rest = after;
        } else if !EMPTY.contains(&name.as_str()) && !inside.ends_with('/') {
            open.push(name.clone());
        }
        found.push((name, attributes.to_owned()));
    }
    assert!(open.is_empty(), "left open: {open:?}");
    found
}

fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = attributes.split_once(&format!("{name}=\""))?;
    after.split_once('"').map(|(value, _)| value)
}

#[test]
fn html_is_well_formed_and_asks_nobody() {
    for (name, report) in all() {
        let html = backout_report::html(&report);
        let elements = elements(&html);
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">"), "{name}");
        let allowed: BTreeSet<&str> = [
            "!doctype", "html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section",
            "h1", "h2", "h3", "p", "strong", "span", "small", "div", "a", "ul", "ol", "li", "dl", "dt", "dd",
            "table", "caption", "thead", "tbody", "tr", "th", "td", "svg", "desc", "defs", "pattern", "rect",
            "line", "circle", "text", "g",
        ]
        .into();
        let mut ids = BTreeSet::new();
        for (element, attributes) in &elements {
            assert!(allowed.contains(element.as_str()), "{name}: <{element}>");
            for bad in ["src=", "style=", "srcset=", "xlink", "action="] {
                assert!(!attributes.contains(bad), "{name}: {attributes}");
            }
            if let Some(id) = attribute(attributes, "id") {
                assert!(ids.insert(id.to_owned()), "{name}: {id} twice");
            }
        }
        for (_, attributes) in &elements {
            if let Some(to) = attribute(attributes, "href") {
                assert!(to.strip_prefix('#').is_some_and(|to| ids.contains(to)), "{name}: {to}");
            }
            for id in attribute(attributes, "aria-labelledby").into_iter().flat_map(str::split_whitespace) {
                assert!(ids.contains(id), "{name}: {id}");
            }
        }
        let (_, policy) = html.split_once("Content-Security-Policy\" content=\"").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'unsafe-inline';"), "{name}");
        for bad in ["http:", "https:", "@import", "<script", "javascript:"] {
            assert!(!html.contains(bad), "{name}: {bad}");
        }
        let urls = html.matches("url(").count();
        assert_eq!(urls, html.matches("url(#").count(), "{name}");
        assert_eq!(html.matches("<h1>").count(), 1, "{name}");
    }
}

#[test]
fn a_browser_has_nothing_to_mend() {
    use html5ever::tendril::TendrilSink;
    let errors = |html: &str| {
        let page =
            html5ever::parse_document(markup5ever_rcdom::RcDom::default(), Default::default()).one(html);
        page.errors.borrow().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert!(!errors("<!doctype html><p>a</b>").is_empty(), "it would tell");
    for (name, report) in all() {
        assert_eq!(errors(&backout_report::html(&report)), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn every_table_has_a_caption_and_a_cell_for_each_head() {
    for (name, report) in all() {
        let html = backout_report::html(&report);
        for table in html.split("<table").skip(1) {
            let table = table.split("</table>").next().unwrap();
            assert!(table.contains("<caption>"), "{name}");
            let heads = table.matches("scope=\"col\"").count();
            for row in table.split("<tr").skip(2) {
                assert_eq!(row.matches("data-head=").count(), heads, "{name}: {row}");
            }
        }
    }
}

#[test]
fn every_step_has_one_row_and_its_bars_lie_on_the_axis() {
    for (name, report) in all() {
        let Some(run) = &report.run else { continue };
        let html = backout_report::html(&report);
        let markdown = backout_report::markdown(&report);
        let number =
            |attributes: &str, name: &str| attribute(attributes, name).unwrap().parse::<f64>().unwrap();
        for account in &run.steps {
            let step = account.step.as_str();
            let table = format!(
                "data-head=\"step\"><span class=\"name\">{step}</span></th><td role=\"cell\" data-head=\"group\">"
            );
            assert_eq!(html.matches(&table).count(), 1, "{name}: {step}");
            assert_eq!(
                html.matches(&format!("\">{step}</text>")).count(),
                1,
                "{name}: {step} in the drawing"
            );
            assert_eq!(
                html.matches(&format!("<span class=\"name\">{step}</span> ")).count(),
                1,
                "{name}: {step} in the list"
            );
            assert_eq!(
                markdown.matches(&format!("| `{step}` | {} |", account.group.unwrap())).count(),
                1,
                "{name}"
            );
            assert_eq!(
                markdown.lines().filter(|line| line.starts_with(&format!("{step} "))).count(),
                1,
                "{name}"
            );
        }
        for (element, attributes) in elements(&html) {
            if element != "rect" || attribute(&attributes, "x").is_none() {
                continue;
            }
            let axis = if attributes.contains("height=\"10\"") { 1000.0 } else { 926.0 };
            let (x, width) = (number(&attributes, "x"), number(&attributes, "width"));
            assert!(x >= 0.0 && x + width <= axis + 0.11, "{name}: {attributes}");
        }
    }
}

#[test]
fn a_run_that_is_not_over_says_so_in_every_form() {
    for (name, report) in all() {
        let over = report.run.as_ref().is_none_or(|run| run.standing.over);
        for text in [backout_report::markdown(&report), backout_report::html(&report)] {
            assert_eq!(text.contains("This run is not over"), !over, "{name}");
        }
    }
}

#[test]
fn markdown_tables_are_whole() {
    for (name, report) in all() {
        let text = backout_report::markdown(&report);
        let mut width = None;
        for line in text.lines() {
            let borders = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
            width = match (line.starts_with('|'), width) {
                (false, _) => None,
                (true, None) => Some(borders),
                (true, Some(width)) => {
                    assert_eq!(borders, width, "{name}: {line}");
                    Some(width)
                }
            };
        }
        assert_eq!(text.matches("```").count() % 2, 0, "{name}");
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{name}");
    }
}
