//! The built program on a disk that gets full, and has room again.
//!
//! The disk is a small file system in memory that only the program sees, made by bubblewrap as the
//! sandbox is; so the error is the kernel's own (`ENOSPC`), and what SQLite does with half-written
//! files is what it does anywhere. A shell in there makes room, and kills the program, when it is told.

use std::collections::BTreeMap;

use reqwest::Client;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::{Knock, OPENED, signed};
use crate::harness::Machine;

/// How large the disk is, and how much of it is somebody else's until room is made.
const DISK_BYTES: &str = "12000000";
const OTHERS_BYTES: &str = "8000000";

/// Deliveries that are sent before the disk counts as never full.
const DELIVERIES_MAX: usize = 400;

/// Deliveries in a row that are not recorded: the disk is full, not only in the way of one.
const REFUSED: usize = 20;

/// Bytes of each delivery that cannot be packed: 32 for each number.
const NUMBERS: usize = 500;

/// Serves, and does what it is told; whatever it started ends with it, because nobody else is in its
/// process namespace.
const SHELL: &str = r#"
    program=$2
    serve() { "$program" serve <&- & }
    head -c "$1" /dev/zero > "$SELFHEAL_DATA_DIR/others"
    serve
    while read -r told; do
        case $told in
            room) rm "$SELFHEAL_DATA_DIR/others" ;;
            crash) kill -KILL $!; wait $!; serve ;;
        esac
    done
"#;

/// Who runs the program on a small disk.
fn on_a_small_disk(machine: &Machine) -> Command {
    let mut command = Command::new("bwrap");
    command.args(["--unshare-user", "--unshare-pid", "--die-with-parent", "--dev-bind", "/", "/"]);
    command.args(["--size", DISK_BYTES, "--tmpfs"]).arg(machine.data_dir());
    command.args(["sh", "-c", SHELL, "sh", OTHERS_BYTES, env!("CARGO_BIN_EXE_selfheal")]);
    command
}

/// A delivery that is like no other.
fn delivery(machine: &Machine, number: usize) -> Knock {
    let noise = |nth: usize| hex::encode(Sha256::digest(format!("{number} {nth}")));
    let noise: String = (0..NUMBERS).map(noise).collect();
    let end = OPENED.rfind('}').unwrap();
    let body = format!("{}, \"noise\": \"{noise}\"}}", &OPENED[..end]);
    Knock {
        event: Some("pull_request"),
        id: Some(format!("72d3162e-cc78-11e3-81ab-{number:012}")),
        signature: Some((
            "x-hub-signature-256",
            signed(&machine.world.webhook_secret(), body.as_bytes()),
        )),
        body: body.into_bytes(),
    }
}

async fn is_ready(server: &str) -> u16 {
    let client = Client::builder().no_proxy().build().unwrap();
    client.get(format!("{server}/readyz")).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_full_disk_acknowledges_nothing_that_it_does_not_keep_and_goes_on_when_it_has_room() {
    let mut machine = Machine::with_credentials().await;
    machine.set("WORKER_COUNT", "0");
    let (mut serving, mut shell) = machine.serve_by(on_a_small_disk(&machine));
    let server = serving.listens().await;
    assert_eq!(is_ready(&server).await, 200);

    let mut answers = BTreeMap::new();
    let mut refused = 0;
    while refused < REFUSED {
        let number = answers.len();
        assert!(number < DELIVERIES_MAX, "the disk is never full");
        let answer = delivery(&machine, number).answered_at(&server).await;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        refused = if status == 503 { refused + 1 } else { 0 };
        if status == 503 {
            assert_eq!(headers["retry-after"], "10");
            assert_eq!(is_ready(&server).await, 503, "after delivery {number}");
        }
        answers.insert(number, status);
    }
    assert!(answers.values().all(|status| [202, 503].contains(status)), "{answers:?}");
    assert_eq!(answers[&0], 202, "it was not full from the beginning");
    let line = serving.says("deliveries cannot be written").await;
    assert!(line.contains("database or disk is full"), "{line}");

    shell.write_all(b"room\n").await.unwrap();
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(20));
    while is_ready(&server).await != 200 {
        looks.tick().await;
    }
    // What was acknowledged is known, also after a crash; all else is recorded now.
    for crashes in 0..2 {
        let mut server = server.clone();
        if crashes == 1 {
            shell.write_all(b"crash\n").await.unwrap();
            server = serving.listens().await;
        }
        for (number, status) in &answers {
            let answer = delivery(&machine, *number).answered_at(&server).await.status().as_u16();
            let known = crashes == 1 || *status == 202;
            assert_eq!(answer, if known { 200 } else { 202 }, "delivery {number}, {crashes}");
        }
    }
    serving.killed().await;
}
