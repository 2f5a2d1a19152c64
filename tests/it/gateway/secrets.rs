//! The operator's key, and the attempts' tokens: nowhere but on the wire, however much the server says.

use world::models::{ModelHost, Saying};

use super::KEY;
use super::kills::{TOKEN, at_work, called, serving};
use super::shapes::MESSAGES;
use crate::harness::Machine;

/// Nothing in a text of the program is a secret of ours.
#[track_caller]
fn tells_nothing(machine: &Machine, text: &str) {
    let pem = machine.world.private_key_pem();
    let line = pem.lines().nth(1).expect("the key has lines");
    for secret in [KEY, TOKEN, line, machine.world.webhook_secret().as_str()] {
        assert!(!text.contains(secret), "`{secret}` stands in\n{text}");
    }
}

#[tokio::test]
async fn no_key_stands_in_logs_at_the_most_talkative_level_nor_in_errors_nor_in_receipts() {
    let host = ModelHost::start().await.unwrap();
    let mut machine = Machine::with_credentials().await;
    let now = selfheal::ports::clock::Clock::now(&selfheal::app::SystemClock);
    let attempt = at_work(&machine, now).await;
    machine.set("ANTHROPIC_API_KEY", KEY);
    machine.set("ANTHROPIC_BASE_URL", &host.url());
    machine.set("WORKER_COUNT", "0");
    machine.set("LOG", "trace");
    let (server, at) = serving(&machine).await;
    let echo = format!("{{\"error\":{{\"message\":\"Incorrect API key provided: {KEY}\"}}}}");
    host.says(MESSAGES.streamed());
    for status in [401, 403, 429, 500] {
        host.says(Saying::new("application/json", std::slice::from_ref(&echo)).status(status));
    }
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let answer = called(&at, attempt).await;
        statuses.push(answer.status().as_u16());
        let words = answer.text().await.unwrap();
        if [200, 503].contains(statuses.last().unwrap()) {
            tells_nothing(&machine, &words);
        }
    }
    assert_eq!(statuses, [200, 503, 503, 429, 500]);
    let heard = format!("{:?}", host.asked()[0].headers);
    assert!(heard.contains(KEY), "the provider was shown another key: {heard}");
    host.stop().await;
    tells_nothing(&machine, &called(&at, attempt).await.text().await.unwrap());
    let (code, log) = server.stop().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("\"level\":\"DEBUG\"") || log.contains("\"level\":\"TRACE\""), "{log}");
    tells_nothing(&machine, &log);

    for args in [vec!["receipt", &attempt.to_string()], vec!["doctor"]] {
        let said = machine.run(&args).await;
        assert!(!said.out.is_empty(), "{args:?} {}", said.err);
        tells_nothing(&machine, &format!("{}{}", said.out, said.err));
    }
    machine.set("ANTHROPIC_BASE_URL", "no address");
    let said = machine.run(&["serve"]).await;
    assert!(said.code != Some(0) && said.err.contains("ANTHROPIC_BASE_URL"), "{}", said.err);
    tells_nothing(&machine, &said.err);
    machine.set("ANTHROPIC_BASE_URL", "https://api.anthropic.com");
    machine.set("ANTHROPIC_API_KEY", &format!("{KEY}\u{7}broken"));
    tells_nothing(&machine, &machine.run(&["doctor"]).await.err);
}
