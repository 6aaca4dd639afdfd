//! What was found, and what follows from it.

use backout_core::observation::Verdict;
use tokio_postgres::Row;

use crate::rows::why_unreadable;
use crate::server::{Fault, Link};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    wrong: Vec<String>,
    untold: Vec<String>,
    told: Vec<String>,
}

impl Findings {
    /// Something is not whole.
    pub(super) fn wrong(&mut self, what: String) {
        self.wrong.push(what);
    }

    /// Something could not be looked at.
    pub(super) fn untold(&mut self, why: String) {
        self.untold.push(why);
    }

    /// Something that a person should know, and that says nothing about what is whole.
    pub(super) fn told(&mut self, what: String) {
        self.told.push(what);
    }

    /// | wrong | could not be looked at | verdict |
    /// |---|---|---|
    /// | something | any | differs |
    /// | nothing | something | unknown |
    /// | nothing | nothing | restored |
    pub(super) fn judged(self) -> (Verdict, Vec<String>) {
        let verdict = match (self.wrong.is_empty(), self.untold.is_empty()) {
            (false, _) => Verdict::Differs { what: self.wrong.join("; ") },
            (true, false) => Verdict::Unknown { why: self.untold.join("; ") },
            (true, true) => Verdict::Restored,
        };
        (verdict, self.wrong.into_iter().chain(self.untold).chain(self.told).collect())
    }
}

/// Asks within the transaction, which goes on when the answer is an error that is about the table only.
pub(super) async fn try_query(link: &Link, sql: &str) -> Result<Result<Vec<Row>, String>, Fault> {
    match link.query_typed(sql, &[]).await {
        Ok(rows) => Ok(Ok(rows)),
        Err(error) => match why_unreadable(&error) {
            Some(why) => {
                link.batch_execute("ROLLBACK TO SAVEPOINT examining").await?;
                Ok(Err(why))
            }
            None => Err(error.into()),
        },
    }
}

/// `1 row`, `2 rows`.
pub(super) fn counted(count: i64, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}
