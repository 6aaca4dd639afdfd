//! The tale of the demo, chapter by chapter.

use backout_demo::{Database, Estate, traffic};

use super::Stage;
use super::folder::Folder;
use super::interrupts::Interrupts;
use super::portrait::{Content, Portrait, blocking, crowd, requests};
use super::service::Service;
use super::shell::{Shell, quoted_path};
use crate::exit::Exit;
use crate::view::story::Story;

/// How much of the traffic has to fail before the migration counts as gone wrong.
const TOO_MANY: f64 = 0.1;

/// Why the tale goes back, for the record.
const REASON: &str = "a third of all requests fail since 2.0.0";
/// Where the record is written.
const REPORT: &str = "report.html";

/// Why a tale ends before its end.
#[derive(Debug)]
pub enum Halt {
    /// Somebody asked for it.
    Asked(Exit),
    /// Going on would make no sense.
    Broken(anyhow::Error),
}

impl From<anyhow::Error> for Halt {
    fn from(error: anyhow::Error) -> Self {
        Self::Broken(error)
    }
}

/// What the tale is told about, and with.
pub struct Tale<'a> {
    pub folder: &'a Folder,
    pub shell: &'a Shell,
    pub story: &'a mut Story,
    pub interrupts: &'a Interrupts,
    /// The server that the estate's data is to be on.
    pub server: Option<&'a str>,
}

impl Tale<'_> {
    /// Tells it up to a stage, or all of it.
    ///
    /// # Errors
    /// Somebody asked to end, or a chapter went so wrong that the next would make no sense.
    pub async fn tell(&mut self, until: Option<Stage>) -> Result<(), Halt> {
        let estate = self.estate().await?;
        self.before().await?;
        let portrait = Portrait::take(&estate).await?;
        if until == Some(Stage::Captured) {
            return Ok(());
        }
        self.migration(&estate).await?;
        if until == Some(Stage::Migrated) {
            return Ok(());
        }
        self.breaks(&estate).await?;
        if until == Some(Stage::Broken) {
            return Ok(());
        }
        let plan = self.price().await?;
        let written = self.back(&estate, plan).await?;
        self.looks(&estate, portrait, written).await?;
        self.record().await
    }

    async fn estate(&mut self) -> Result<Estate, Halt> {
        self.chapter("A to-do application, release 1.4.0")?;
        let estate = self.folder.lay_out(self.shell.executable(), self.server).await?;
        let data = match estate.database()? {
            Database::Sqlite(_) => "in SQLite".to_owned(),
            on_server => format!("in PostgreSQL (the database {on_server}, made for this)"),
        };
        self.story.say(&format!(
            "12 users with 240 tasks {data}, a link to the current release, settings with a secret in them, \
             feature flags, a built front end, and the service itself. backout.yaml says what can be put back, \
             and what needs what.",
        ));
        let service = Service::of(&estate);
        let arguments = service.arguments()?;
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let enter = format!("cd {}", quoted_path(&self.folder.path));
        let serve = format!("{} >> run/api.log 2>&1 &", self.shell.line(&words));
        self.story.commands(&[&enter, &serve]);
        let release = service.start(self.shell.executable()).await?;
        self.story.claim(release == "1.4.0", &format!("release {release} answers at {}", estate.base_url()?));
        Ok(estate)
    }

    async fn before(&mut self) -> Result<(), Halt> {
        self.chapter("Before the migration: check, arm, capture")?;
        self.run(&["check"]).await?;
        self.run(&["arm"]).await?;
        self.run(&["capture"]).await?;
        Ok(())
    }

    async fn migration(&mut self, estate: &Estate) -> Result<(), Halt> {
        self.chapter("The migration to 2.0.0: every integer key becomes a UUID")?;
        let name = self.shell.name().to_owned();
        self.users_write(estate, 3, "Users go on working after the capture:").await?;
        self.story.say(
            "Nobody but the migration writes while it rebuilds the tables, and whoever runs it says so:",
        );
        self.run(&["cutover", "--writers-stopped", "--", &name, "demo-migrate", "--dir", "."]).await?;
        self.story
            .say("A slower part goes on while users work. It marks its transactions as the migration's own:");
        self.run(&["demo-migrate", "--dir", ".", "--backfill"]).await?;
        self.users_write(estate, 4, "And they work with the new release:").await?;
        self.users_change(estate).await
    }

    async fn breaks(&mut self, estate: &Estate) -> Result<(), Halt> {
        self.chapter("It breaks")?;
        self.story.say("Release 2.0.0 is healthy, says its /health. Its users see something else:");
        self.story.pause();
        let crowd = crowd(estate).await?;
        match crowd.error_share() > TOO_MANY {
            true => self.story.trouble(&requests(&crowd)),
            false => self.story.claim(false, &format!("the release fails: {}", requests(&crowd))),
        }
        Ok(())
    }

    async fn price(&mut self) -> Result<Vec<String>, Halt> {
        self.chapter("What would going back do, and cost?")?;
        self.run(&["plan"]).await
    }

    async fn back(&mut self, estate: &Estate, plan: Vec<String>) -> Result<Content, Halt> {
        self.chapter("Back")?;
        let written = Content::without_backfill(estate).await?;
        self.run_after(&["rollback", "--yes", "--reason", REASON], plan).await?;
        self.story
            .say("What users wrote is in the old database now. Asked once more, nothing is left to do:");
        self.run(&["recover", "--yes"]).await?;
        Ok(written)
    }

    async fn looks(&mut self, estate: &Estate, portrait: Portrait, written: Content) -> Result<(), Halt> {
        self.chapter("Is it really back?")?;
        self.run(&["verify"]).await?;
        self.story.say("A second opinion that does not come from Backout:");
        self.story.pause();
        portrait.compare(&written, estate, self.story).await?;
        self.run(&["status"]).await?;
        Ok(())
    }

    async fn record(&mut self) -> Result<(), Halt> {
        self.chapter("The record")?;
        self.run(&["report", "--format", "html", "--out", REPORT]).await?;
        let path = self.folder.path.join(REPORT);
        self.story
            .say(&format!("For whoever was not there: open it in a browser, file://{}", path.display()));
        Ok(())
    }

    /// One renames a task that the backfill has changed too, so that both sides changed it; another deletes one.
    async fn users_change(&mut self, estate: &Estate) -> Result<(), Halt> {
        let address = estate.base_url()?;
        let (renamed, deleted) = blocking(move || {
            let renamed = traffic::rename_one(&address, "\u{201c}big\u{201d}", "The big report, at last")?;
            Ok((renamed, traffic::delete_one(&address)?))
        })
        .await?;
        let (Some(renamed), Some(deleted)) = (renamed, deleted) else {
            return Err(anyhow::anyhow!("find a task to rename and one to delete").into());
        };
        self.story.say(&format!(
            "{} renames \"{}\", which the backfill had changed as well. {} deletes \"{}\".",
            renamed.by, renamed.title, deleted.by, deleted.title
        ));
        Ok(())
    }

    async fn users_write(&mut self, estate: &Estate, users: usize, words: &str) -> Result<(), Halt> {
        self.still_wanted()?;
        let address = estate.base_url()?;
        let written = blocking(move || traffic::users_write(&address, users)).await?;
        let (created, ticked_off) = (written.created.len(), written.ticked_off.len());
        self.story.say(&format!("{words} {created} tasks created, {ticked_off} ticked off."));
        Ok(())
    }

    /// Runs a command that the tale cannot go on without; what it printed.
    async fn run(&mut self, arguments: &[&str]) -> Result<Vec<String>, Halt> {
        self.run_after(arguments, Vec::new()).await
    }

    /// The same, leaving out what was just shown: a rollback begins with its plan. Its first line may differ, for
    /// it tells the time.
    async fn run_after(&mut self, arguments: &[&str], shown: Vec<String>) -> Result<Vec<String>, Halt> {
        self.still_wanted()?;
        let line = self.shell.line(arguments);
        self.story.commands(&[&line]);
        let mut printed = Vec::new();
        let mut shown = shown.into_iter().skip(1).peekable();
        let mut left_out = false;
        let story = &*self.story;
        let code = self.shell.run(arguments, |line| {
            let again = !printed.is_empty() && shown.next_if(|earlier| earlier == line).is_some();
            if again && !left_out {
                story.printed("… as planned above");
            }
            if !again {
                story.printed(line);
            }
            left_out |= again;
            printed.push(line.to_owned());
        });
        let code = code.await?;
        self.still_wanted()?;
        if code == Some(0) {
            return Ok(printed);
        }
        let ending = code.map_or("was ended by a signal".to_owned(), |code| format!("exited with {code}"));
        Err(Halt::Broken(anyhow::anyhow!("{line} {ending}")))
    }

    fn chapter(&mut self, name: &str) -> Result<(), Halt> {
        self.still_wanted()?;
        self.story.chapter(name);
        Ok(())
    }

    fn still_wanted(&self) -> Result<(), Halt> {
        self.interrupts.asked().map_or(Ok(()), |exit| Err(Halt::Asked(exit)))
    }
}
