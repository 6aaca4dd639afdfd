//! A person's own questions, with the answers that they expect.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_postgres::SimpleQueryMessage;

use super::findings::Findings;
use super::indexes::safe;
use crate::server::{Fault, Link, Pace};

/// A question to the database and the answer that it must give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// One statement that reads (`SELECT count(*) FROM public.orders WHERE customer IS NULL`); names need their schema.
    pub query: String,
    /// Its answer: values divided by `|`, rows by line breaks, NULL as nothing.
    pub expect: String,
}

/// How long a question may take.
const LONGEST: Duration = Duration::from_secs(60);

/// So many rows of an answer are looked at.
const ROWS: usize = 1000;

/// Asks each question within the transaction that only reads, one statement each, with a limit of time.
pub(super) async fn ask(
    link: &Link,
    questions: &[Question],
    pace: &Pace,
    findings: &mut Findings,
) -> Result<(), Fault> {
    let mut right = 0;
    for question in questions {
        pace.check("ask a question")?;
        let shown = safe(question.query.trim());
        match answer(link, question, pace).await? {
            Err(why) => findings.untold(format!("`{shown}` has no answer: {why}")),
            Ok(answer) if answer == question.expect.trim_end() => right += 1,
            // An answer may be anybody's data, a number is none.
            Ok(answer) if is_number(&answer) => {
                let expected =
                    if is_number(&question.expect) { question.expect.trim() } else { "something else" };
                findings.wrong(format!("`{shown}` gives {answer}, expected was {expected}"));
            }
            Ok(_) => findings.wrong(format!("`{shown}` gives another answer than expected")),
        }
    }
    if right > 0 {
        findings.told(format!("{right} of {} questions have the answer that was expected", questions.len()));
    }
    Ok(())
}

/// The answer, or why there is none.
async fn answer(link: &Link, question: &Question, pace: &Pace) -> Result<Result<String, String>, Fault> {
    let limit = LONGEST.min(pace.left()).as_millis().max(1);
    link.batch_execute(&format!("SET LOCAL statement_timeout = {limit}; SAVEPOINT examining")).await?;
    let asked = async {
        // Prepared by itself, so that it is one statement; a cursor gives its values as text.
        let declare = format!(
            "DECLARE backout_question NO SCROLL CURSOR FOR {}",
            question.query.trim().trim_end_matches(';')
        );
        link.query_typed(&declare, &[]).await?;
        link.simple_query(&format!("FETCH {ROWS} FROM backout_question")).await
    };
    match asked.await {
        Ok(messages) => {
            link.batch_execute("CLOSE backout_question").await?;
            Ok(Ok(written(&messages)))
        }
        Err(error) => {
            let Some(told) = error.as_db_error() else { return Err(error.into()) };
            let why = format!("{} ({})", told.message(), told.code().code());
            link.batch_execute("ROLLBACK TO SAVEPOINT examining").await?;
            Ok(Err(why))
        }
    }
}

fn written(messages: &[SimpleQueryMessage]) -> String {
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            let values: Vec<&str> = (0..row.len()).map(|at| row.get(at).unwrap_or_default()).collect();
            Some(values.join("|"))
        }
        _ => None,
    });
    rows.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

fn is_number(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && text.len() < 20 && text.chars().all(|c| c.is_ascii_digit() || c == '-' || c == '.')
}
