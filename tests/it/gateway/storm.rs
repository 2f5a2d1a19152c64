//! Storms: the built program under calls of two attempts at once, of every kind, with retries, streams
//! that break, answers that are too long and readers that leave, killed in the middle; held against the
//! bill that the scripted provider makes out, in dollars.
//!
//! What the ledger says of itself is not enough: it could be wrong about what a call costs. The provider
//! counts for itself what it was asked and what it answered.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use reqwest::{Client, Response};
use selfheal::config::prices;
use selfheal::domain::ids::AttemptId;
use selfheal::domain::model::{ModelName, PriceList, Provider as Whose, Tokens};
use selfheal::domain::money::Usd;
use selfheal::ports::clock::Clock as _;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use super::header;
use super::kills::{TOKEN, all_at_work, charged_in, serving};
use super::shapes::{CHAT, GENERATE, MESSAGES, RESPONSES, WAYS, Way};
use crate::agents::Provider;
use crate::harness::Machine;
use crate::simulation::Dice;
use crate::store::{Opened, on_both};

on_both! {
    a_storm_within_narrow_caps_never_costs_more_than_they_say,
    a_storm_within_wide_caps_never_costs_more_than_they_say,
}

/// Attempts that call.
const ATTEMPTS: usize = 2;

/// Calls of each at once.
const BESIDE: usize = 5;

/// Calls that each of those makes one after the other, if it is let.
const CALLS: usize = 150;

/// Refusals in a row after which nobody asks any more.
const REFUSALS: usize = 30;

/// How often the program is killed, each time after so many more answers.
const KILLS: usize = 2;
const ANSWERS_BETWEEN: usize = 12;

/// As long as a prompt must be for what the provider says that it counted.
const PROMPT_BYTES: usize = 12_000;

/// By which the provider's record tells whose call it was.
const WHOSE: &str = "x-session-affinity";

/// What the provider plays: its name, how often in a hundred, and the step.
fn plays() -> Vec<(&'static str, usize, Value)> {
    let fault = |kind: &str| json!({"say": "It begins.", "fault": {"kind": kind, "times": -1}});
    let slow = json!({"say": "${repeat:4000:x}", "chunk_delay_ms": 3});
    let long = json!({"say": "On and on.", "usage": {"output": 100_000}});
    vec![
        ("storm-short", 17, json!({"say": "Done."})),
        ("storm-huge-answer", 45, long),
        ("storm-slow", 15, slow),
        ("storm-disconnect", 4, fault("disconnect")),
        ("storm-cut", 4, fault("cut_after_block")),
        ("storm-no-stop", 4, fault("no_stop")),
        ("storm-malformed", 4, fault("malformed")),
        ("storm-reset", 3, fault("reset")),
        ("storm-error", 4, json!({"error": {"status": 529, "times": -1}})),
    ]
}

/// A cap: its setting, how much, and whose calls it is about: those of each attempt, or of all.
type Cap = (&'static str, &'static str, Over);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Each,
    All,
}

async fn a_storm_within_narrow_caps_never_costs_more_than_they_say(opened: Opened) {
    let caps = [("ATTEMPT", "2.4", Over::Each), ("REPOSITORY_DAY", "4", Over::All)];
    storm(&opened, 11, &caps).await;
}

async fn a_storm_within_wide_caps_never_costs_more_than_they_say(opened: Opened) {
    let caps = [("PULL", "2.2", Over::Each), ("DAY", "3.5", Over::All)];
    storm(&opened, 12, &caps).await;
}

/// A request of that way, as an agent's with a tool and a prompt of some length.
fn asked(way: &Way, play: &str, output_tokens: i64) -> String {
    let mut body: Value = serde_json::from_str(way.body).unwrap();
    let words = format!("[[scenario:{play}]] {}", "x".repeat(PROMPT_BYTES));
    let (prompt, limit, tools) = match way.path {
        path if path == MESSAGES.path => (
            "/messages/0/content",
            "/max_tokens",
            json!([{"name": "Bash", "input_schema": {"type": "object"}}]),
        ),
        path if path == RESPONSES.path => (
            "/input/0/content/0/text",
            "/max_output_tokens",
            json!([{"type": "function", "name": "shell", "parameters": {}}]),
        ),
        path if path == CHAT.path => (
            "/messages/0/content",
            "/max_completion_tokens",
            json!([{"type": "function", "function": {"name": "bash", "parameters": {}}}]),
        ),
        path if path == GENERATE.path => (
            "/contents/0/parts/0/text",
            "/generationConfig/maxOutputTokens",
            json!([{"functionDeclarations": [{"name": "run_shell_command"}]}]),
        ),
        other => panic!("{other} is no way to ask"),
    };
    *body.pointer_mut(prompt).unwrap() = json!(words);
    let (object, field) = limit.rsplit_once('/').unwrap();
    body.pointer_mut(object).unwrap()[field] = json!(output_tokens);
    body["tools"] = tools;
    body.to_string()
}

/// What came of all calls.
#[derive(Debug, Default)]
struct Came {
    answered: AtomicUsize,
    spent: AtomicUsize,
    busy: AtomicUsize,
    left: AtomicUsize,
    more: Notify,
}

impl Came {
    fn of(&self, count: &AtomicUsize) {
        count.fetch_add(1, Ordering::Relaxed);
        self.more.notify_one();
    }

    async fn answers(&self, least: usize) {
        while self.answered.load(Ordering::Relaxed) < least {
            self.more.notified().await;
        }
    }
}

/// One who calls, one call after the other, until nothing is left or it is enough.
struct Caller<'s> {
    client: &'s Client,
    server: watch::Receiver<String>,
    attempt: AttemptId,
    dice: Dice,
    came: &'s Came,
}

impl Caller<'_> {
    async fn calls(mut self) {
        let mut refused = 0;
        for _ in 0..CALLS {
            let server = self.server.borrow_and_update().clone();
            match self.call(&server).await {
                Ok(answer) if answer.status() == 429 => {
                    let is_spent = header(&answer, "x-selfheal-refused") == "budget";
                    self.came.of(if is_spent { &self.came.spent } else { &self.came.busy });
                    refused += 1;
                    if refused == REFUSALS {
                        return;
                    }
                }
                Ok(answer) => {
                    refused = 0;
                    self.hears(answer).await;
                }
                // Nobody listens: it was killed, and the next one is there when its address is.
                Err(error) if error.is_connect() && !self.server.has_changed().unwrap() => {
                    self.server.changed().await.unwrap();
                }
                // What broke off may have had another reason: no other server need come.
                Err(_) => {}
            }
        }
    }

    async fn call(&mut self, server: &str) -> reqwest::Result<Response> {
        let plays = plays();
        let mut left = self.dice.below(100);
        let (play, ..) = plays
            .iter()
            .find(|(_, share, _)| {
                let is_it = left < *share;
                left = left.saturating_sub(*share);
                is_it
            })
            .unwrap();
        let way = self.dice.one(&WAYS);
        let body = asked(way, play, self.dice.within(1_100, 6_000));
        let call = self.client.post(format!("{server}/model/{}/{}", self.attempt, way.path));
        let call = call.header("content-type", "application/json").bearer_auth(TOKEN);
        call.header(WHOSE, self.attempt.to_string()).body(body).send().await
    }

    /// Reads an answer, or leaves in the middle of it.
    async fn hears(&mut self, mut answer: Response) {
        if answer.status() == 200 {
            self.came.of(&self.came.answered);
        }
        let stays_for = if self.dice.happens(200) { 1 } else { usize::MAX };
        let mut heard = 0;
        while let Ok(Some(_)) = answer.chunk().await {
            heard += 1;
            if heard == stays_for {
                self.came.of(&self.came.left);
                return;
            }
        }
    }
}

/// What a provider bills for a call: what it says that it counted, by its own prices.
fn billed(request: &Value, prices: &PriceList) -> Usd {
    let bill = &request["billed"];
    let of = |name: &str| bill[name].as_u64().unwrap_or(0);
    let mut tokens = Tokens {
        input: of("input"),
        cache_read: of("cache_read"),
        output: of("output"),
        ..Tokens::default()
    };
    // As in `bill`: OpenAI's interfaces tell what is written to the cache as input, Gemini's not at all.
    let whose = match request["proto"].as_str() {
        Some("anthropic") => {
            tokens.cache_write = of("cache_write");
            Whose::Anthropic
        }
        Some("gemini") => Whose::Gemini,
        _ => {
            tokens.input += of("cache_write");
            Whose::OpenAi
        }
    };
    let model = ModelName::parse(request["model"].as_str().unwrap()).unwrap();
    prices.price(whose, &model).unwrap().cost(&tokens)
}

/// Lets calls storm while the program is killed again and again.
async fn blows(machine: &Machine, attempts: [AttemptId; ATTEMPTS], seed: u64) -> Came {
    let came = Came::default();
    let client = Client::builder().no_proxy().build().unwrap();
    let (mut server, address) = serving(machine).await;
    let (told, heard) = watch::channel(address);
    let over = Notify::new();
    let callers = (0..ATTEMPTS * BESIDE).map(|number| Caller {
        client: &client,
        server: heard.clone(),
        attempt: attempts[number % ATTEMPTS],
        dice: Dice::of(seed, u64::try_from(number).unwrap()),
        came: &came,
    });
    let work = async {
        join_all(callers.map(Caller::calls)).await;
        over.notify_one();
    };
    let kills = async {
        for kill in 1..=KILLS {
            tokio::select! {
                () = came.answers(kill * ANSWERS_BETWEEN) => {}
                () = over.notified() => return kill - 1,
            }
            server.killed().await;
            let (next, address) = serving(machine).await;
            server = next;
            told.send(address).unwrap();
        }
        over.notified().await;
        server.killed().await;
        KILLS
    };
    let ((), kills) = tokio::join!(work, kills);
    assert_eq!(kills, KILLS, "seed {seed}: it was over before the last kill: {came:?}");
    came
}

async fn storm(opened: &Opened, seed: u64, caps: &[Cap]) {
    opened.sql().close().await; // the program is the only one who writes
    let provider = Provider::start();
    let usage = json!({"input": 1200, "output": 60, "cache_read": 8000, "cache_write": 500});
    for (name, _, step) in plays() {
        let scenario = json!({"usage": usage, "repeat_last": true, "steps": [step]});
        provider.learn(name, scenario).await;
    }
    let mut machine = Machine::with_credentials().await;
    let now = selfheal::app::SystemClock.now();
    let attempts: [AttemptId; ATTEMPTS] = all_at_work(&machine, &opened.url, now).await;
    machine.set("DATABASE_URL", &opened.url);
    machine.set("ANTHROPIC_BASE_URL", provider.url());
    machine.set("OPENAI_BASE_URL", &format!("{}/v1", provider.url()));
    machine.set("GEMINI_BASE_URL", provider.url());
    machine.set("WORKER_COUNT", "0");
    machine.set("LOG", "selfheal::app=info,error");
    for (name, usd, _) in caps {
        machine.set(&format!("MODEL_USD_PER_{name}"), usd);
    }
    let came = blows(&machine, attempts, seed).await;

    let (requests, prices) = (provider.requests().await, prices::shipped());
    let of = |attempt: &AttemptId| {
        let theirs = requests.iter().filter(|it| it["headers"][WHOSE] == attempt.to_string());
        theirs.fold(Usd::ZERO, |sum, request| sum.plus(billed(request, &prices)))
    };
    let bills = attempts.each_ref().map(of);
    let mut worst = i128::MIN;
    for (name, usd, over) in caps {
        let cap = i128::from(Usd::parse(usd).unwrap().nanos());
        let all = bills.iter().map(|bill| i128::from(bill.nanos()));
        let most = if *over == Over::Each { all.max().unwrap() } else { all.sum() };
        assert!(most * 8 > cap, "{name}: {most} of {cap} is no storm: {came:?}");
        worst = worst.max(most - cap);
    }
    assert!(worst <= 0, "seed {seed}: {worst} billionths of a dollar above a cap: {bills:?}");
    for (attempt, bill) in attempts.iter().zip(bills) {
        let charged = charged_in(&opened.url, *attempt).await;
        assert!(charged >= bill, "seed {seed}: {charged} is charged, {bill} is billed");
    }
    let all = [&came.answered, &came.left, &came.spent, &came.busy];
    let [answered, left, spent, busy] = all.map(|count| count.load(Ordering::Relaxed));
    let least = KILLS * ANSWERS_BETWEEN;
    assert!(answered >= least && left > 0 && spent + busy > REFUSALS, "seed {seed}: {came:?}");
    assert!(requests.iter().any(|it| it["outcome"] == "client_gone" || it["outcome"] == "fault"));
}
