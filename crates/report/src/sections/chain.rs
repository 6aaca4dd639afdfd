//! What this record rests on, so that anybody can check it.

use backout_core::report::{Report, RunReport};

use crate::page::{Block, Section, Text};
use crate::words::moment;

pub fn section(report: &Report, run: Option<&RunReport>) -> Section {
    let chain = &report.chain;
    let verified = match &chain.problem {
        None => "yes: each record is bound to the one before".to_owned(),
        Some(problem) => format!("no: {problem}"),
    };
    let mut facts = vec![
        ("Records", chain.records.to_string()),
        ("Chain verified", verified),
        ("Head digest", chain.head.to_string()),
    ];
    if let Some(last) = chain.last {
        facts.push(("Last record", moment(last)));
    }
    if let Some((oldest, newest)) = chain.formats {
        let formats = if oldest == newest { oldest.to_string() } else { format!("{oldest} to {newest}") };
        facts.push(("Record format", formats));
    }
    if let Some(run) = run {
        facts.push(("Plan", run.decision.plan.to_string()));
        facts.push(("Shape of the plan", run.decision.shape.to_string()));
    }
    let facts = facts.into_iter().map(|(name, value)| (Text::from(name), vec![Text::from(value)])).collect();
    let how = "Everything above is read from the journal. The command “backout log --verify” follows its chain again and prints \
               the digest of its last record; it is the one above as long as nothing was journaled since.";
    Section {
        heading: "What this record rests on",
        anchor: "chain",
        blocks: vec![Block::Facts(facts), Block::paragraph(how)],
    }
}
