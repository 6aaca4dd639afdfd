//! What the estate is like at one moment, taken and compared without Backout: a second opinion.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use backout_demo::checks::{self, Counts};
use backout_demo::migration::undone;
use backout_demo::traffic::{self, TrafficReport};
use backout_demo::{Engine, Estate, people};
use tokio::task::spawn_blocking;

use crate::view::story::Story;

/// How many requests a crowd of users sends.
const REQUESTS: usize = 180;

/// What users have and see, whatever the keys of the rows are made of.
pub struct Content {
    counts: Counts,
    lines: Vec<String>,
}

impl Content {
    /// What stands in the database now, but with the marks that the migration's backfill had not set yet.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn without_backfill(estate: &Estate) -> Result<Self> {
        let mut content = Self::take(estate).await?;
        for line in &mut content.lines {
            *line = undone(line);
        }
        content.lines.sort();
        Ok(content)
    }

    async fn take(estate: &Estate) -> Result<Self> {
        let database = estate.database()?;
        blocking(move || Ok(Self { counts: checks::counts(&database)?, lines: checks::content(&database)? }))
            .await
    }
}

/// What does not change by what users do.
pub struct Portrait {
    counts: Counts,
    release: PathBuf,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Portrait {
    /// Looks at the database, the link and the files.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub async fn take(estate: &Estate) -> Result<Self> {
        let mut files = BTreeMap::new();
        for path in [estate.settings(), estate.flags(), estate.frontend()] {
            read_into(&mut files, &path)?;
        }
        let database = estate.database()?;
        Ok(Self {
            counts: blocking(move || checks::counts(&database)).await?,
            release: fs::read_link(estate.current()).context("read the link `current`")?,
            files,
        })
    }

    /// Claims that the estate is like this again, that it holds what users had written by then, and that they can
    /// work.
    ///
    /// # Errors
    /// Something cannot be looked at at all.
    pub async fn compare(&self, written: &Content, estate: &Estate, story: &mut Story) -> Result<()> {
        let now = Self::take(estate).await?;
        let content = Content::take(estate).await?;
        let mut compare = |what: &str, now: String, then: String| {
            let holds = now == then;
            story.claim(
                holds,
                &if holds { format!("{what}: {now}") } else { format!("{what}: {now}, not {then}") },
            );
        };
        compare("rows", rows(now.counts), rows(written.counts));
        compare("relations", relations(now.counts), relations(written.counts));
        compare("current names", now.release.display().to_string(), self.release.display().to_string());
        let since = written.counts.tasks - self.counts.tasks;
        let nothing_lost = "what users own and see is, line by line, what they had when it was taken back";
        story.claim(
            content.lines == written.lines,
            &format!("{nothing_lost} ({since:+} tasks since the capture)"),
        );
        story.claim(now.files == self.files, "settings, flags and front end are byte for byte as captured");
        let database = estate.database()?;
        let no_damage = match database.engine() {
            Engine::Sqlite => "no damage in the database, every reference leads to a row",
            Engine::Postgres => {
                "every reference leads to a row, no index is half done, no key will be given twice"
            }
        };
        let damage = blocking(move || checks::damage(&database)).await?;
        story.claim(damage.is_empty(), no_damage);

        let address = estate.base_url()?;
        let release = checks::release_in_service(&address)?;
        let answers = release.as_deref().unwrap_or("no release");
        story.claim(self.release.ends_with(answers), &format!("{answers} answers, and says that it is well"));
        let log_ins = blocking(move || checks::log_ins(&address)).await?;
        let everybody = people::everybody().len();
        story.claim(
            log_ins.accepted == everybody,
            &format!("{} of {everybody} users log in, by the password hashes of before", log_ins.accepted),
        );
        // Last, for it writes.
        let crowd = crowd(estate).await?;
        story.claim(crowd.failed == 0, &requests(&crowd));
        Ok(())
    }
}

/// Has a crowd of users work with the estate.
///
/// # Errors
/// The settings of the estate name no address.
pub async fn crowd(estate: &Estate) -> Result<TrafficReport> {
    let address = estate.base_url()?;
    blocking(move || traffic::run(&address, REQUESTS)).await
}

/// Work that waits for answers, beside the runtime.
///
/// # Errors
/// Those of the work.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work).await.context("wait for the users")?
}

/// How many requests failed, and how many had which status.
pub fn requests(crowd: &TrafficReport) -> String {
    let by_status = crowd.by_status.iter().map(|(status, count)| match status {
        0 => format!("{count} × no answer"),
        status => format!("{count} × {status}"),
    });
    let by_status: Vec<String> = by_status.collect();
    let share = crowd.error_share() * 100.0;
    format!("{share:.0} % of {} requests failed ({})", crowd.sent, by_status.join(", "))
}

fn rows(counts: Counts) -> String {
    let Counts { users, tasks, tags, recurrences, .. } = counts;
    format!("{users} users, {tasks} tasks, {tags} tags, {recurrences} recurrences")
}

fn relations(counts: Counts) -> String {
    format!("{} tags on tasks, {} tasks that recur", counts.task_tags, counts.recurring_tasks)
}

fn read_into(files: &mut BTreeMap<PathBuf, Vec<u8>>, path: &Path) -> Result<()> {
    let attempted = || format!("read {}", path.display());
    if !path.is_dir() {
        files.insert(path.to_owned(), fs::read(path).with_context(attempted)?);
        return Ok(());
    }
    for entry in fs::read_dir(path).with_context(attempted)? {
        read_into(files, &entry.with_context(attempted)?.path())?;
    }
    Ok(())
}
