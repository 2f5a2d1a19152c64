//! What the server is told, by a server that says what its test wants; tests wait for its questions.

use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::domain::document::Stage;

/// What a fake server is asked, and where it answers.
type Asked = (EventBatch, oneshot::Sender<Result<EventsTaken, ServerError>>);

/// A server that says what its test tells it to.
struct Puppet(mpsc::UnboundedSender<Asked>);

#[async_trait]
impl Ear for Puppet {
    async fn tell(&self, batch: &EventBatch) -> Result<EventsTaken, ServerError> {
        let (answer, answered) = oneshot::channel();
        self.0.send((batch.clone(), answer)).unwrap();
        answered.await.unwrap()
    }
}

struct Scene {
    live: Live,
    asked: mpsc::UnboundedReceiver<Asked>,
}

impl Scene {
    fn new() -> Self {
        Self::with_secrets(&[])
    }

    fn with_secrets(secrets: &[&str]) -> Self {
        let (say, asked) = mpsc::unbounded_channel();
        let secrets = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        Self { live: Live::start(Puppet(say), secrets), asked }
    }

    /// A scene whose server has said which number comes next.
    async fn after(next: u64) -> Self {
        let mut scene = Self::new();
        scene.says("first");
        assert_eq!(scene.takes(next).await.events, []);
        let batch = scene.takes(next + 1).await;
        assert_eq!((batch.first, texts_of(&batch)), (next, vec!["first".to_owned()]));
        scene
    }

    fn says(&self, text: &str) {
        let event = AgentEvent::Text { text: text.to_owned() };
        self.live.saw(&Happening::Agent { event: &event });
    }

    async fn asked(&mut self) -> Asked {
        self.asked.recv().await.unwrap()
    }

    /// The next batch, which the server takes.
    async fn takes(&mut self, next: u64) -> EventBatch {
        let (batch, answer) = self.asked().await;
        answer.send(Ok(EventsTaken { next })).unwrap();
        batch
    }

    /// The next batch, which the server does not hear.
    async fn misses(&mut self) -> EventBatch {
        let (batch, answer) = self.asked().await;
        answer.send(Err(ServerError::Unreachable("down".to_owned()))).unwrap();
        batch
    }
}

fn texts_of(batch: &EventBatch) -> Vec<String> {
    let text = |event: &LiveEvent| match event {
        LiveEvent::Agent(AgentEvent::Text { text }) => text.clone(),
        other => other.line(),
    };
    batch.events.iter().map(text).collect()
}

#[tokio::test]
async fn what_gathers_while_the_server_is_told_goes_together_and_in_order() {
    let mut scene = Scene::after(1).await;
    scene.says("a");
    let (first, answer) = scene.asked().await;
    scene.live.saw(&Happening::StageBegins { stage: Stage::Verify, round: 1 });
    scene.says("b");
    answer.send(Ok(EventsTaken { next: 3 })).unwrap();
    assert_eq!((first.first, texts_of(&first)), (2, vec!["a".to_owned()]));
    let second = scene.takes(5).await;
    assert_eq!(second.first, 3);
    assert_eq!(texts_of(&second)[1], "b");
    assert_eq!(second.events[0], LiveEvent::StageBegins { stage: Stage::Verify, round: 1 });
}

#[tokio::test]
async fn a_resumed_attempt_goes_on_counting_where_the_server_is() {
    let mut scene = Scene::after(41).await;
    scene.says("next");
    assert_eq!(scene.takes(43).await.first, 42);
}

#[tokio::test]
async fn a_batch_goes_again_under_its_number_until_the_server_has_it() {
    let mut scene = Scene::after(1).await;
    scene.says("a");
    let lost = scene.misses().await;
    scene.says("b");
    assert_eq!(scene.misses().await, lost);
    assert_eq!(scene.takes(3).await, lost, "nothing was added meanwhile");
    assert_eq!(texts_of(&scene.takes(4).await), ["b"]);
}

#[tokio::test]
async fn of_too_much_the_oldest_is_left_out_and_a_mark_says_how_much() {
    let mut scene = Scene::after(1).await;
    scene.says("on its way");
    let (_, answer) = scene.asked().await;
    for number in 0..WAITING_MAX + 7 {
        scene.says(&number.to_string());
    }
    answer.send(Ok(EventsTaken { next: 3 })).unwrap();
    let batch = scene.takes(3 + BATCH_EVENTS_MAX as u64).await;
    assert_eq!(batch.events.len(), BATCH_EVENTS_MAX);
    assert_eq!(batch.events[0], LiveEvent::LeftOut { count: 7 });
    assert_eq!(texts_of(&batch)[1], "7");
}

#[tokio::test]
async fn large_events_are_told_in_batches_that_fit() {
    let mut scene = Scene::after(1).await;
    let large = "\u{1}".repeat(EVENT_CHARS_MAX);
    for _ in 0..500 {
        scene.says(&large);
    }
    let mut told = 0;
    while told < WAITING_BYTES_MAX / (EVENT_CHARS_MAX + 64) {
        let (batch, answer) = scene.asked().await;
        let bytes = serde_json::to_vec(&batch).unwrap().len();
        assert!(bytes <= BATCH_BYTES_MAX, "{bytes}");
        told += batch.events.len();
        answer.send(Ok(EventsTaken { next: batch.first + batch.events.len() as u64 })).unwrap();
    }
}

#[tokio::test]
async fn nobody_is_told_a_secret() {
    let mut scene = Scene::with_secrets(&["hunter2-hunter2"]);
    let token = format!("ghp_{}", "a".repeat(36));
    let run = crate::domain::outcome::CommandRun {
        command: "curl hunter2-hunter2".to_owned(),
        ended: crate::domain::outcome::Ended::Exit(0),
        duration_ms: 1,
        output_tail: String::new(),
    };
    scene.live.saw(&Happening::CommandEnded { run: &run });
    let event = AgentEvent::ToolCall { tool: "Bash".into(), input: format!("echo {token}") };
    scene.live.saw(&Happening::Agent { event: &event });
    scene.takes(1).await;
    let told = serde_json::to_string(&scene.takes(3).await).unwrap();
    assert!(!told.contains("hunter2") && !told.contains(&token), "{told}");
    assert!(told.contains("curl [redacted]") && told.contains("echo [redacted]"), "{told}");
}

#[tokio::test]
async fn the_end_waits_until_the_last_words_are_told() {
    let mut scene = Scene::after(1).await;
    scene.live.is_heard().await;
    scene.says("last words");
    let (batch, answer) = {
        let heard = scene.live.is_heard();
        tokio::pin!(heard);
        tokio::select! {
            () = &mut heard => panic!("they were not told yet"),
            asked = scene.asked.recv() => asked.unwrap(),
        }
    };
    assert_eq!(texts_of(&batch), ["last words"]);
    answer.send(Ok(EventsTaken { next: 3 })).unwrap();
    scene.live.is_heard().await;
}

#[tokio::test]
async fn an_end_does_not_wait_for_a_server_that_is_down() {
    let mut scene = Scene::after(1).await;
    scene.says("nobody hears this");
    let _held = scene.asked().await;
    scene.live.is_heard().await;
}

#[tokio::test]
async fn a_server_that_wants_to_hear_no_more_is_told_no_more() {
    let mut scene = Scene::after(1).await;
    scene.says("a");
    let (_, answer) = scene.asked().await;
    answer.send(Err(ServerError::Over)).unwrap();
    scene.live.is_heard().await;
    scene.says("b");
    scene.live.is_heard().await;
    assert!(scene.asked.recv().await.is_none(), "nobody is there who could ask");
}

#[tokio::test]
async fn a_server_that_has_forgotten_numbers_is_told_under_its_own() {
    let mut scene = Scene::after(41).await;
    scene.says("a");
    assert_eq!(scene.takes(5).await.first, 42);
    let again = scene.takes(6).await;
    assert_eq!((again.first, texts_of(&again)), (5, vec!["a".to_owned()]));
}

#[tokio::test]
async fn an_attempt_tells_only_so_much_and_says_that_it_stops() {
    let mut scene = Scene::after(1).await;
    let large = "x".repeat(EVENT_CHARS_MAX);
    let mut last = None;
    while last != Some(LiveEvent::Muted) {
        scene.says(&large);
        let (batch, answer) = scene.asked().await;
        last = batch.events.last().cloned();
        answer.send(Ok(EventsTaken { next: batch.first + batch.events.len() as u64 })).unwrap();
        for _ in 0..BATCH_EVENTS_MAX / 2 {
            scene.says(&large);
        }
    }
    scene.live.is_heard().await;
}
