//! Two processes. The other one is this very test binary, started on the first test below.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use backout_contract::Journal;
use backout_store::{Layout, Lock, LockError, Standing, Trouble, current_holder, verify};

use super::support::{armed, open, opened, read, state, us};

const ROLE: &str = "STORE_TEST_ROLE";
const FOLDER: &str = "STORE_TEST_FOLDER";

/// The other process; without a role it has nothing to do.
#[tokio::test]
async fn other_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let layout = Layout::at(std::env::var_os(FOLDER).unwrap());
    match role.as_str() {
        "hold" => {
            let _lock = Lock::acquire(&layout, us()).unwrap();
            println!("\nsaid holding");
            std::io::stdin().lines().next();
        }
        "append" => {
            let writer = open(&layout);
            writer.append(None, vec![opened()]).await.unwrap();
            loop {
                let records = writer.append(None, vec![armed()]).await.unwrap();
                println!("\nsaid {}", records[0].sequence);
            }
        }
        "fill" => {
            let writer = open(&layout);
            writer.append(None, vec![opened()]).await.unwrap();
            let mut done = 1;
            let first = loop {
                match writer.append(None, vec![armed(); 50]).await {
                    Ok(_) => done += 50,
                    Err(error) => break error,
                }
            };
            assert!(
                matches!(Trouble::of(&first), Some(Trouble::Other(_) | Trouble::NoSpace(_))),
                "{first:?}"
            );
            let again = writer.append(None, vec![armed()]).await.unwrap_err();
            assert_eq!(format!("{again:?}"), format!("{first:?}"));
            assert_eq!(format!("{:?}", writer.close().await.unwrap_err()), format!("{first:?}"));
            println!("\nsaid {done}");
        }
        other => panic!("{other}"),
    }
}

fn start(mut command: Command, role: &str, layout: &Layout) -> Child {
    command
        .env(ROLE, role)
        .env(FOLDER, layout.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn binary() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "store::child::other_process", "--nocapture"]);
    command
}

/// The next thing the other process says.
fn listen(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).filter_map(|line| Some(line.strip_prefix("said ")?.to_owned()))
}

#[test]
fn the_lock_holds_between_processes_and_ends_with_its_holder() {
    let (_folder, layout) = state();
    let mut child = start(binary(), "hold", &layout);
    assert_eq!(listen(&mut child).next().as_deref(), Some("holding"));
    for claim in [Lock::acquire, Lock::take_over] {
        let Err(LockError::Busy(busy)) = claim(&layout, us()) else { panic!("the other holds it") };
        assert_eq!(busy.holder.unwrap().process.pid, child.id());
        assert_eq!(busy.standing, Some(Standing::Running));
    }
    let (seen, standing) = current_holder(&layout, &us()).unwrap().unwrap();
    assert_eq!((seen.process.pid, standing), (child.id(), Standing::Running));

    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(current_holder(&layout, &us()).unwrap().unwrap().1, Standing::Ended);
    assert_eq!(Lock::acquire(&layout, us()).unwrap().epoch(), 2);
}

#[tokio::test]
async fn what_was_appended_outlives_a_kill() {
    let (_folder, layout) = state();
    let mut child = start(binary(), "append", &layout);
    let said: Vec<u64> = listen(&mut child).take(20).map(|sequence| sequence.parse().unwrap()).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    let (records, end) = read(&layout);
    end.unwrap();
    assert!(records.len() as u64 >= *said.last().unwrap(), "{} of {said:?}", records.len());

    let writer = open(&layout);
    let next = writer.append(None, vec![armed()]).await.unwrap();
    assert_eq!((next[0].sequence, next[0].epoch), (records.len() as u64 + 1, 2));
}

#[tokio::test]
async fn after_a_failed_write_nothing_is_appended_and_a_new_process_goes_on() {
    let (_folder, layout) = state();
    // A limit on the size of files stands for the full disk: the write itself fails, for every user.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 200; trap '' XFSZ; exec \"$@\"", "sh"]);
    let binary = binary();
    command.arg(binary.get_program()).args(binary.get_args()).process_group(0);
    let mut child = start(command, "fill", &layout);
    let said: Vec<String> = listen(&mut child).collect();
    let done: u64 = said.first().expect("the other process failed").parse().unwrap();
    assert!(child.wait().unwrap().success());
    assert!(done > 1, "the first appends found room");

    let kept = verify(&layout.journal()).unwrap().records;
    assert!(kept >= done, "{kept} of {done}");
    let writer = open(&layout);
    assert_eq!(writer.append(None, vec![armed()]).await.unwrap()[0].sequence, kept + 1);
    writer.close().await.unwrap();
}
