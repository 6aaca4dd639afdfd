//! What is said holds no secret and does nothing.

use backout_contract::{Depth, Exactness, Stop};
use backout_core::migration::hidden;

use crate::bench::Bench;
use crate::component::configure;
use crate::outcome::{Outcome, Ran, ask, must};
use crate::scene::{Scene, Start, as_broken, as_ground, save};
use crate::world::{Change, World};

/// Names that do something where they are not handled as data.
pub const HOSTILE_NAMES: [&str; 14] = [
    "$(touch PWNED)",
    "`touch PWNED`",
    "; touch PWNED ;",
    "| touch PWNED",
    "-rf",
    "--help",
    "a b\tc",
    "'",
    "\"",
    "\\",
    "%s%n{}{{7*7}}$HOME",
    "' OR 1=1; --",
    "\u{1b}[31mred\u{7}",
    "new\nline\u{202e}gnp.exe",
];

/// No secret appears in an error, a delta, a step, an effect, a verdict, a name, or in what is left in the
/// scratch folder.
pub async fn secrets_appear_nowhere<W: World>(bench: &Bench<W>) -> Outcome {
    let secrets = bench.world.secrets();
    if secrets.is_empty() {
        return Ran::not("the world has no secrets");
    }
    let scene = as_ground(Scene::set(bench).await)?;
    say_everything(bench, &scene).await?;
    as_ground(scene.go_back(bench).await)?;
    search(bench, &secrets)?;
    for trouble in [Trouble::Drift, Trouble::Gone, Trouble::Damaged, Trouble::DataLost] {
        let bench = Bench::<W>::new(&bench.test).await;
        let scene = as_ground(Scene::set(&bench).await)?;
        match trouble {
            Trouble::Drift => bench.world.drift().await,
            Trouble::Gone if bench.world.remove().await != Change::Made => continue,
            Trouble::Damaged if bench.world.corrupt().await != Change::Made => continue,
            Trouble::Gone | Trouble::Damaged => {}
            Trouble::DataLost => {
                for part in &scene.saved.data {
                    // One blob may serve several parts.
                    let _ = bench.vault().lose(&part.blob);
                }
            }
        }
        say_everything(&bench, &scene).await?;
        // Whatever it answers: it is the text that counts.
        for order in &scene.orders {
            let _ = bench.try_revert(order, Stop::never()).await?;
        }
        search(&bench, &secrets)?;
    }
    Ok(Ran::Passed)
}

enum Trouble {
    Drift,
    Gone,
    Damaged,
    DataLost,
}

/// Names that would act in a shell, a query, a terminal or an option list stay names: the way back works, none
/// of them runs, and none reaches a person's terminal unescaped.
pub async fn hostile_names_are_inert<W: World>(bench: &Bench<W>) -> Outcome {
    ask!(bench.world.become_hostile().await);
    Scene::works::<W>(&bench.test, Start::Migrated).await?;
    let scene = as_broken(Scene::set(bench).await)?;
    say_everything(bench, &scene).await?;
    as_broken(scene.go_back(bench).await)?;
    let wrong = scene.is_back(bench).await?;
    must!(wrong.is_none(), "with hostile names it is not what was saved: {}", wrong.unwrap_or_default());
    as_broken(bench.release().await)?;
    for folder in [bench.world.root().to_owned(), bench.scratch(), ".".into()] {
        must!(!folder.join("PWNED").exists(), "a name was run as a command in {}", folder.display());
    }
    for said in bench.diary.all().into_iter().filter(|said| said.is_shown) {
        must!(
            !said.text.contains(hidden),
            "{} holds a character that acts on a terminal: {:?}",
            said.place,
            said.text
        );
    }
    Ok(Ran::Passed)
}

/// Makes the driver say what it can say about a scene.
async fn say_everything<W: World>(bench: &Bench<W>, scene: &Scene) -> Outcome {
    let configured = bench.configured()?;
    bench.diary.shown("the target", configured.target());
    bench.diary.debug("a claim", &configured.claims(bench.world.root()));
    let live = bench.look(Depth::Look).await?;
    let (then, now) = (scene.saved.state.as_ref(), live.state.as_ref());
    for (one, two) in [(then, now), (then, None), (None, now)] {
        bench.diary.delta(&configured.diff(one, two)?);
    }
    if let Some(then) = then {
        bench.diary.debug("a price", &configured.price(then, now)?);
    }
    bench.diary.debug("the reversibility", &configured.reversibility(then)?);
    if let Ok(session) = bench.session().await {
        match session.ready(&bench.context(), then, &scene.saved.data).await {
            Ok(lacks) => lacks.into_iter().for_each(|lack| bench.diary.shown("what is not ready", lack)),
            Err(error) => bench.diary.error(&error),
        }
        match session.examine(&bench.context(), Exactness::Data).await {
            Ok((verdict, looks)) => {
                bench.diary.debug("a verdict", &verdict);
                looks.into_iter().for_each(|look| bench.diary.shown("a look of a verdict", look));
            }
            Err(error) => bench.diary.error(&error),
        }
        for order in &scene.orders {
            match session.sight(&bench.context(), order).await {
                Ok(sighting) => sighting.iter().for_each(|sighting| bench.diary.sighting(sighting)),
                Err(error) => bench.diary.error(&error),
            }
        }
    }
    bench.displaced().await?;
    for keys in [format!("{}\nno-such-key: 1", bench.world.config().trim_end()), String::new()] {
        if let Err(found) = configure::<W::Driver>(&keys) {
            bench.diary.debug("what is said about the migration file", &found);
        }
    }
    Ok(Ran::Passed)
}

fn search<W: World>(bench: &Bench<W>, secrets: &[String]) -> Outcome {
    for secret in secrets {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let escaped = secret.escape_debug().to_string();
        for said in bench.diary.all() {
            let gives_away = [secret, &escaped, &hex].iter().any(|form| said.text.contains(form.as_str()));
            must!(!gives_away, "a secret appears in {}: {:?}", said.place, said.text);
        }
        for (name, content) in files_below(&bench.scratch()) {
            let holds = content.windows(secret.len()).any(|window| window == secret.as_bytes());
            must!(!holds, "a secret is left in the scratch folder, in {name}");
        }
    }
    Ok(Ran::Passed)
}

fn files_below(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if let Ok(content) = std::fs::read(&path) {
            found.push((path.display().to_string(), content));
        }
    }
    found
}

/// Everything needed to go back is reported as there when it is there.
pub async fn a_sound_estate_is_ready<W: World>(bench: &Bench<W>) -> Outcome {
    save(bench).await?;
    let kept = bench.look(Depth::Keep).await?;
    bench.world.migrate().await;
    let lacks = bench.session().await?.ready(&bench.context(), kept.state.as_ref(), &kept.data).await?;
    must!(lacks.is_empty(), "everything is there, and `ready` lacks {lacks:?}");
    Ok(Ran::Passed)
}
