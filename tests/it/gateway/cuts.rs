//! Answers that break, stall or lose their reader, and servers that end: what stays charged.

use std::sync::Arc;
use std::time::Duration;

use selfheal::domain::ledger::Caps;
use selfheal::domain::money::Usd;
use selfheal::service::models::Patience;
use tokio::sync::Semaphore;
use world::models::{End, Saying};

use super::shapes::{MESSAGES, WAYS, Way};
use super::{Scene, header};

/// Long enough for a machine under load, short enough to be awaited.
const SHORT: Duration = Duration::from_millis(300);

/// A stream that ends before its figure is there.
fn begun(way: &Way) -> Saying {
    Saying::new("text/event-stream", &way.stream[..1])
}

impl Scene {
    /// Waits until nothing of the attempt is under way any more; what is charged then.
    async fn settled(&self) -> Usd {
        loop {
            let spent = self.spent().await;
            let calls: u64 = spent.iter().map(|spent| spent.calls).sum();
            if calls > 0 && self.t.app().services().models.under_way() == 0 {
                return self.charged().await;
            }
            tokio::task::yield_now().await;
        }
    }

    /// What one call holds.
    async fn held_by(&self, way: &Way) -> Usd {
        let before = self.charged().await;
        let gate = Arc::new(Semaphore::new(0));
        self.host.says(way.streamed().behind(&gate));
        let times = self.host.asked().len() + 1;
        let call = tokio::spawn(self.call(way.path, way.body).send());
        self.host.was_asked(times).await;
        let held = self.charged().await.minus(before);
        gate.add_permits(way.stream.len() + 1);
        call.await.unwrap().unwrap().text().await.unwrap();
        held
    }
}

#[tokio::test]
async fn a_stream_that_breaks_before_its_figure_stays_charged_with_all_it_held() {
    let scene = Scene::new().await;
    for way in WAYS {
        let held = scene.held_by(&way).await;
        let before = scene.settled().await;
        scene.host.says(begun(&way).ends(End::Cut));
        let answer = scene.answered(way.path, way.body).await;
        assert_eq!(answer.status(), 200);
        assert!(answer.text().await.is_err(), "the client sees that it broke");
        assert_eq!(scene.settled().await.minus(before), held, "{way:?}");
    }
}

#[tokio::test]
async fn a_stream_that_ends_without_its_figure_stays_charged_too() {
    let scene = Scene::new().await;
    for way in WAYS {
        let held = scene.held_by(&way).await;
        let before = scene.settled().await;
        scene.host.says(begun(&way));
        scene.answered(way.path, way.body).await.text().await.unwrap();
        assert_eq!(scene.settled().await.minus(before), held, "{way:?}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_after_its_figure_costs_that() {
    let scene = Scene::new().await;
    scene.host.says(MESSAGES.streamed());
    scene.answered(MESSAGES.path, MESSAGES.body).await.text().await.unwrap();
    let cost = scene.settled().await;
    let until_figure = &MESSAGES.stream[..MESSAGES.stream.len() - 1];
    let gate = Arc::new(Semaphore::new(until_figure.len()));
    let saying = Saying::new("text/event-stream", until_figure).ends(End::Cut);
    scene.host.says(saying.behind(&gate));
    let mut answer = scene.answered(MESSAGES.path, MESSAGES.body).await;
    let (mut heard, all) = (0, until_figure.concat().len());
    while heard < all {
        heard += answer.chunk().await.unwrap().unwrap().len();
    }
    gate.add_permits(1);
    assert!(answer.chunk().await.is_err());
    assert_eq!(scene.settled().await, cost.plus(cost));
}

#[tokio::test]
async fn when_the_client_leaves_the_rest_is_read_and_the_figure_counts() {
    let scene = Scene::new().await;
    scene.host.says(MESSAGES.streamed());
    scene.answered(MESSAGES.path, MESSAGES.body).await.text().await.unwrap();
    let cost = scene.settled().await;
    let gate = Arc::new(Semaphore::new(1));
    scene.host.says(MESSAGES.streamed().behind(&gate));
    let mut answer = scene.answered(MESSAGES.path, MESSAGES.body).await;
    answer.chunk().await.unwrap();
    drop(answer);
    gate.add_permits(MESSAGES.stream.len());
    assert_eq!(scene.settled().await, cost.plus(cost));
}

#[tokio::test]
async fn when_the_client_leaves_before_the_head_the_figure_counts_as_well() {
    let scene = Scene::new().await;
    scene.host.says(MESSAGES.streamed());
    scene.answered(MESSAGES.path, MESSAGES.body).await.text().await.unwrap();
    let cost = scene.settled().await;
    let gate = Arc::new(Semaphore::new(0));
    scene.host.says(MESSAGES.in_one_piece().behind(&gate));
    let call = tokio::spawn(scene.call(MESSAGES.path, MESSAGES.body).send());
    scene.host.was_asked(2).await;
    call.abort();
    gate.add_permits(2);
    assert_eq!(scene.settled().await, cost.plus(cost));
}

#[tokio::test]
async fn a_provider_that_falls_silent_is_given_up() {
    let patience = Patience { head: SHORT, idle: SHORT, ..Patience::default() };
    let scene = Scene::with(Caps::NONE, patience).await;
    let held = scene.held_by(&MESSAGES).await;
    let before = scene.settled().await;
    scene.host.says(begun(&MESSAGES).ends(End::Never));
    let answer = scene.answered(MESSAGES.path, MESSAGES.body).await;
    assert!(answer.text().await.is_err(), "it is cut, not ended");
    assert_eq!(scene.settled().await.minus(before), held);
}

#[tokio::test]
async fn an_unread_answer_is_read_for_a_while_and_not_for_ever() {
    let patience = Patience { unread: SHORT, ..Patience::default() };
    let scene = Scene::with(Caps::NONE, patience).await;
    let held = scene.held_by(&MESSAGES).await;
    let before = scene.settled().await;
    let gate = Arc::new(Semaphore::new(1));
    let endless: Vec<String> = vec![": still here\n\n".repeat(5_000); 100];
    scene.host.says(Saying::new("text/event-stream", &endless).ends(End::Never).behind(&gate));
    let mut answer = scene.answered(MESSAGES.path, MESSAGES.body).await;
    answer.chunk().await.unwrap();
    drop(answer);
    gate.add_permits(endless.len());
    assert_eq!(scene.settled().await.minus(before), held);
}

#[tokio::test]
async fn what_a_killed_server_had_reserved_stays_charged() {
    let mut scene = Scene::new().await;
    let gate = Arc::new(Semaphore::new(1));
    scene.host.says(MESSAGES.streamed().behind(&gate));
    let mut answer = scene.answered(MESSAGES.path, MESSAGES.body).await;
    answer.chunk().await.unwrap();
    let held = scene.charged().await;
    assert!(held > Usd::ZERO);
    scene.t.restart().await;
    gate.add_permits(MESSAGES.stream.len());
    assert_eq!(scene.charged().await, held);
    scene.host.says(MESSAGES.streamed());
    let again = scene.answered(MESSAGES.path, MESSAGES.body).await;
    assert_eq!(header(&again, "x-selfheal-refused"), "");
    again.text().await.unwrap();
    let spent = scene.spent().await;
    assert_eq!((spent[0].calls, spent[0].unsettled), (2, 1));
    assert!(scene.charged().await > held);
}
