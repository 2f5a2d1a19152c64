//! Kept logs: what was kept is there whole, and goes when it is old or too much.

use bytes::Bytes;
use selfheal::domain::ids::{JobId, RepoSlug, RunId};
use selfheal::ports::logs::{Kept, LogOf, LogStore, NewLog};

use super::values::{at, pull, repo};
use super::{Opened, on_both};

on_both! {
    a_kept_log_is_there_whole,
    the_same_log_again_takes_its_place,
    a_log_that_does_not_pack_is_not_kept,
    logs_go_when_they_were_kept_before,
    of_too_many_logs_the_oldest_go_first,
}

fn log(job: u64, now: i64, text: &[u8]) -> NewLog {
    let of = LogOf {
        job: JobId::new(job),
        name: "ci / test".to_owned(),
        run: RunId::new(9),
        attempt: 2,
    };
    let pull = pull(1);
    NewLog {
        repo: pull.repo.id,
        number: pull.number,
        of,
        text: Bytes::copy_from_slice(text),
        now: at(now),
    }
}

async fn keep(opened: &Opened, log: NewLog) -> Kept {
    opened.sql().keep_log(log).await.unwrap()
}

/// The jobs whose logs are there, the newest first.
async fn jobs(opened: &Opened) -> Vec<u64> {
    let kept = opened.sql().logs(&repo().slug, pull(1).number).await.unwrap();
    kept.iter().map(|log| log.of.job.get()).collect()
}

async fn said(opened: &Opened, job: u64) -> Option<Bytes> {
    opened.sql().log(&repo().slug, pull(1).number, JobId::new(job)).await.unwrap()
}

/// Bytes that no packer makes smaller, the same each time.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = std::iter::from_fn(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some(state.to_be_bytes()[0])
    });
    next.take(bytes).collect()
}

async fn a_kept_log_is_there_whole(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let text = b"error: no\xff\x00\n".repeat(10_000);
    assert_eq!(keep(&opened, log(5, 70, &text)).await, Kept::Yes);
    assert_eq!(said(&opened, 5).await.unwrap(), text);
    assert_eq!(said(&opened, 6).await, None);
    let kept = opened.sql().logs(&repo().slug, pull(1).number).await.unwrap();
    assert_eq!(kept[0].of, log(5, 70, b"").of);
    assert_eq!((kept[0].bytes, kept[0].kept_at), (text.len() as u64, at(70)));
    let other = RepoSlug::parse("acme/other").unwrap();
    assert!(opened.sql().logs(&other, pull(1).number).await.unwrap().is_empty());
    keep(&opened, log(7, 71, b"")).await;
    assert_eq!(said(&opened, 7).await.unwrap(), "");
}

async fn the_same_log_again_takes_its_place(opened: Opened) {
    opened.know(&[pull(1)]).await;
    keep(&opened, log(5, 70, b"half")).await;
    keep(&opened, log(5, 80, b"half and half")).await;
    assert_eq!(said(&opened, 5).await.unwrap(), "half and half");
    assert_eq!(jobs(&opened).await, [5]);
}

async fn a_log_that_does_not_pack_is_not_kept(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let text = noise(5 * 1024 * 1024);
    assert_eq!(keep(&opened, log(5, 70, &text)).await, Kept::TooLarge);
    assert!(jobs(&opened).await.is_empty());
}

async fn logs_go_when_they_were_kept_before(opened: Opened) {
    opened.know(&[pull(1)]).await;
    for (job, now) in [(1, 10), (2, 20), (3, 30)] {
        keep(&opened, log(job, now, b"text")).await;
    }
    assert_eq!(opened.sql().forget_logs(at(20), u64::MAX).await.unwrap(), 1);
    assert_eq!(jobs(&opened).await, [3, 2]);
}

async fn of_too_many_logs_the_oldest_go_first(opened: Opened) {
    opened.know(&[pull(1)]).await;
    let text = noise(1000);
    for (job, now) in [(1, 30), (2, 20), (3, 10)] {
        keep(&opened, log(job, now, &text)).await;
    }
    assert_eq!(opened.sql().forget_logs(at(0), 2_500).await.unwrap(), 1);
    assert_eq!(jobs(&opened).await, [1, 2]);
    assert_eq!(opened.sql().forget_logs(at(0), 0).await.unwrap(), 2);
}
