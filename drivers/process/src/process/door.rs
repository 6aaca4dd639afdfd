//! Closing and opening the door, and looking where it is.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use backout_contract::{Context, Door, DriverError, Effect, ErrorKind, StopLevel};
use backout_kit::atomic_put::edit;
use backout_kit::child::Ending;
use backout_kit::processes::ProcessIdentity;
use backout_kit::{path_text, place, quietly};

use super::identity::started_at;
use super::quiesce::{How, Setting};
use super::setting;
use super::state::State;
use super::supervised::{Supervised, not_started, shown_program};

impl Supervised {
    /// Where the door is. Nobody is inside of what does not run; a setting counts whether it runs or not, because
    /// whoever starts it must find the door shut.
    pub(super) fn where_is_door(&self) -> Result<Door, DriverError> {
        let is_shut = match &self.config.quiesce.how {
            How::Setting(setting) => setting::is_closed(&self.read_setting(setting)?, setting),
            How::Stop => !self.is_anybody_there()?,
            How::Signal { .. } | How::Command { .. } => match self.find()? {
                None => self.others()?.is_empty(),
                Some(process) => self.recorded()? == Some(process),
            },
        };
        Ok(if is_shut { Door::Shut } else { Door::Open })
    }

    /// Closes the door and waits until nobody is inside.
    pub(super) async fn close(&self, context: &Context) -> Result<Effect, DriverError> {
        let running = self.find()?;
        let is_shut = self.where_is_door()? == Door::Shut;
        let mut evidence = match (&self.config.quiesce.how, &running) {
            (How::Stop, _) => return self.stop(context).await,
            _ if is_shut => None,
            (How::Setting(setting), _) => {
                self.change_setting(setting, |content| setting::closed(content, setting))?;
                Some(format!("{} is {}", setting.key, setting.closed))
            }
            (_, None) => None,
            (How::Signal { close, .. }, Some(process)) => {
                self.send(process, close.signal())?;
                self.record(Some(process))?;
                Some(format!("process {} was told to let nobody in", process.pid))
            }
            (How::Command { close, .. }, Some(process)) => {
                let said = self.run(context, close).await?;
                self.record(Some(process))?;
                Some(said)
            }
        };
        if let (Some(drained), Some(_)) = (&self.config.quiesce.drained, &running) {
            let ended = self.until_drained(context, drained).await?;
            evidence = ended.or(evidence);
        }
        Ok(evidence.map_or(Effect::AlreadyThere, |evidence| Effect::Applied { evidence }))
    }

    /// Opens the door of what ran when it was saved; leaves everything else stopped.
    pub(super) async fn open(&self, context: &Context, saved: Option<&State>) -> Result<Effect, DriverError> {
        if saved.is_none() {
            let stopped = self.stop(context).await?;
            let opened = self.unlock(context, None).await?;
            let evidence = "it stays stopped, as it was saved".to_owned();
            return Ok(if opened { Effect::Applied { evidence } } else { stopped });
        }
        let (process, was_started) = self.bring_up(context).await?;
        let was_opened = self.unlock(context, Some(&process)).await?;
        if was_opened && let Err(error) = self.bring_up(context).await {
            // Users are better kept out of what is not well.
            if let How::Setting(setting) = &self.config.quiesce.how {
                self.change_setting(setting, |content| setting::closed(content, setting))?;
            }
            return Err(error);
        }
        match (was_started, was_opened) {
            (false, false) => Ok(Effect::AlreadyThere),
            (true, _) => {
                Ok(Effect::Applied { evidence: format!("process {} was started and is well", process.pid) })
            }
            (false, true) => {
                Ok(Effect::Applied { evidence: format!("process {} lets users in", process.pid) })
            }
        }
    }

    /// Makes the program read again what it reads at its start. Where the shut door would not outlive the process,
    /// it is only ended: opening starts it.
    pub(super) async fn start_afresh(&self, context: &Context, since: i64) -> Result<Effect, DriverError> {
        match self.find()? {
            None => return Ok(Effect::AlreadyThere),
            Some(process) if started_at(&process) >= since => return Ok(Effect::AlreadyThere),
            Some(_) => {}
        }
        let stopped = self.stop(context).await?;
        let How::Setting(_) = self.config.quiesce.how else { return Ok(stopped) };
        let (process, _) = self.bring_up(context).await?;
        Ok(Effect::Applied { evidence: format!("process {} was started behind the shut door", process.pid) })
    }

    /// What keeps the door from being closed and opened, one sentence each.
    pub(super) fn door_not_ready(&self) -> Vec<String> {
        match &self.config.quiesce.how {
            How::Stop | How::Signal { .. } => Vec::new(),
            How::Command { close, open } => self.not_startable([close, open]),
            How::Setting(setting) => {
                let file = path_text::encode(setting.file.as_os_str());
                let path = self.setting_file(setting);
                match self.read_setting(setting) {
                    Err(_) if !path.exists() => vec![format!(
                        "{file} is not there: make it, with the line `{}={}`",
                        setting.key, setting.open
                    )],
                    Err(error) => vec![format!("the settings in {file} cannot be read: {}", error.chain())],
                    Ok(content) if !setting::is_there(&content, setting) => {
                        vec![format!(
                            "{file} has no key {}: write `{}={}`",
                            setting.key, setting.key, setting.open
                        )]
                    }
                    // A link stays, and what it names is changed.
                    Ok(_) => obstacles(&fs::canonicalize(&path).unwrap_or(path)),
                }
            }
        }
    }

    /// Undoes what closed the door. Tells whether there was something to undo.
    async fn unlock(
        &self,
        context: &Context,
        process: Option<&ProcessIdentity>,
    ) -> Result<bool, DriverError> {
        match &self.config.quiesce.how {
            How::Stop => Ok(false),
            How::Setting(setting) => {
                self.change_setting(setting, |content| setting::opened(content, setting))
            }
            How::Signal { open, .. } => {
                let recorded = self.recorded()?;
                // Another process has begun with an open door.
                let told = recorded.as_ref().filter(|recorded| process == Some(recorded));
                if let Some(process) = told {
                    self.send(process, open.signal())?;
                }
                let was_told = told.is_some();
                self.record(None)?;
                Ok(was_told)
            }
            How::Command { open, .. } => {
                if self.recorded()?.is_none() {
                    return Ok(false);
                }
                self.run(context, open).await?;
                self.record(None).map(|()| true)
            }
        }
    }

    async fn run(&self, context: &Context, command: &[String]) -> Result<String, DriverError> {
        let mut request = self.request(context, command)?;
        request.variables.push(("BACKOUT_COMPONENT".into(), context.component.as_str().into()));
        request.token = Some(context.child_token.clone());
        request.deadline = Some(context.deadline);
        let report = request.run(context.stop.reached(StopLevel::Abandon)).await.map_err(not_started)?;
        let name = shown_program(command);
        match report.ending {
            Ending::Exited(0) => Ok(format!("{name} exited with 0")),
            ending => {
                let kind = if ending == Ending::TimedOut { ErrorKind::TimedOut } else { ErrorKind::Other };
                let error = DriverError::new(kind, format!("run {name}")).caused_by(format!("it {ending}"));
                Err(self
                    .last_lines(context, &report.errors.text(), 3)
                    .into_iter()
                    .fold(error, DriverError::hint))
            }
        }
    }

    fn read_setting(&self, setting: &Setting) -> Result<Vec<u8>, DriverError> {
        let mut content = Vec::new();
        quietly::open_regular(&self.setting_file(setting))
            .and_then(|mut file| file.read_to_end(&mut content))
            .map_err(|source| {
                let attempted =
                    format!("read the settings in {}", path_text::encode(setting.file.as_os_str()));
                DriverError::io(attempted, source).nothing_happened()
            })?;
        Ok(content)
    }

    fn change_setting(
        &self,
        setting: &Setting,
        change: impl FnOnce(&[u8]) -> Vec<u8>,
    ) -> Result<bool, DriverError> {
        let file = self.setting_file(setting);
        // A link stays, and what it names is changed.
        let file = fs::canonicalize(&file).unwrap_or(file);
        edit(&file, |content| Some(change(content)).filter(|changed| changed != content))
            .map_err(|error| DriverError::io(format!("{error}, to set {}", setting.key), error.source))
    }

    fn setting_file(&self, setting: &Setting) -> PathBuf {
        place::absolute(&self.root, &setting.file)
    }
}

/// What keeps a file from being replaced.
pub(super) fn obstacles(file: &Path) -> Vec<String> {
    place::obstacles(file).unwrap_or_else(|error| vec![error.to_string()])
}
