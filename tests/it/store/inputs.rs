//! Inputs: what was given is kept once, what was told is of the runner that was let in last.

use selfheal::domain::attempt::{AttemptEnd, AttemptState};
use selfheal::domain::ids::Branch;
use selfheal::domain::inputs::{
    GIVEN_MAX, Given, InForce, PROMPTS_MAX, PolicySource, PricesSource, Prompt, digest,
};
use selfheal::ports::inputs::InputStore as _;
use selfheal::ports::store::StoreError;

use super::runners::{admit, healing};
use super::values::{at, attempt, attempt_id, seat, sha};
use super::{Opened, on_both};

on_both! {
    what_was_given_is_kept_once_and_in_order,
    what_was_told_is_kept_once_and_in_order,
    a_runner_that_was_replaced_tells_nothing,
    an_attempt_that_is_over_is_told_nothing,
    no_more_than_the_limits_is_kept,
}

fn given(base_sha: char) -> Given {
    Given {
        release: "0.1.0".to_owned(),
        base: Branch::parse("main").unwrap(),
        base_sha: sha(base_sha),
        fork: Some(sha('f')),
        policy: PolicySource {
            commit: sha(base_sha),
            path: ".github/selfheal.yml".to_owned(),
            sha256: Some("ü".to_owned()),
            in_force: InForce::RepositoryFile,
        },
        prices: PricesSource { version: "1+2".to_owned(), sha256: "ab".to_owned() },
    }
}

fn prompt(text: &str) -> Prompt {
    Prompt { round: 2, fixer: "agent:codex".to_owned(), text: text.to_owned() }
}

async fn what_was_given_is_kept_once_and_in_order(opened: Opened) {
    healing(&opened, 1).await;
    let store = opened.sql();
    for (now, base) in [(1, 'a'), (2, 'b'), (3, 'a')] {
        store.keep_given(attempt_id(1), &given(base), at(now)).await.unwrap();
    }
    let kept = store.given(attempt_id(1)).await.unwrap();
    let kept: Vec<_> = kept.into_iter().map(|it| (it.given, it.at)).collect();
    assert_eq!(kept, [(given('a'), at(1)), (given('b'), at(2))]);
    assert_eq!(store.given(attempt_id(2)).await.unwrap(), []);
}

async fn what_was_told_is_kept_once_and_in_order(opened: Opened) {
    healing(&opened, 1).await;
    admit(&opened, 1, "jti-1", 500).await;
    let store = opened.sql();
    let long = "Heal it. ü\u{0}".repeat(10_000);
    for (now, text) in [(501, long.as_str()), (502, "Go on."), (503, long.as_str())] {
        let seat = seat(attempt_id(1), "jti-1");
        store.keep_prompt(&seat, &prompt(text), at(now)).await.unwrap();
    }
    let kept = store.prompts(attempt_id(1)).await.unwrap();
    let texts: Vec<_> = kept.iter().map(|it| (it.prompt.clone(), it.at)).collect();
    assert_eq!(texts, [(prompt(&long), at(501)), (prompt("Go on."), at(502))]);
    assert!(kept.iter().all(|it| it.sha256 == digest(&it.prompt.text)));
}

async fn a_runner_that_was_replaced_tells_nothing(opened: Opened) {
    healing(&opened, 1).await;
    let store = opened.sql();
    let told = async |identity: &str| {
        store.keep_prompt(&seat(attempt_id(1), identity), &prompt(identity), at(600)).await
    };
    assert!(matches!(told("jti-1").await, Err(StoreError::Missing(_))), "nobody was let in");
    admit(&opened, 1, "jti-1", 500).await;
    admit(&opened, 1, "jti-2", 550).await;
    assert!(matches!(told("jti-1").await, Err(StoreError::LeaseLost(_))));
    told("jti-2").await.unwrap();
    assert_eq!(store.prompts(attempt_id(1)).await.unwrap().len(), 1);
}

async fn an_attempt_that_is_over_is_told_nothing(opened: Opened) {
    let case = healing(&opened, 1).await;
    admit(&opened, 1, "jti-1", 500).await;
    let over = AttemptState::Ended(AttemptEnd::RunnerLost);
    opened.keep(600, &case, &[attempt(1, &case, over)]).await;
    let store = opened.sql();
    store.keep_prompt(&seat(attempt_id(1), "jti-1"), &prompt("x"), at(700)).await.unwrap();
    assert_eq!(store.prompts(attempt_id(1)).await.unwrap(), []);
}

async fn no_more_than_the_limits_is_kept(opened: Opened) {
    healing(&opened, 1).await;
    admit(&opened, 1, "jti-1", 500).await;
    let store = opened.sql();
    for number in 0..=PROMPTS_MAX {
        let prompt = prompt(&number.to_string());
        store.keep_prompt(&seat(attempt_id(1), "jti-1"), &prompt, at(600)).await.unwrap();
    }
    assert_eq!(store.prompts(attempt_id(1)).await.unwrap().len(), PROMPTS_MAX);
    for release in 0..=GIVEN_MAX {
        let given = Given { release: release.to_string(), ..given('a') };
        store.keep_given(attempt_id(1), &given, at(600)).await.unwrap();
    }
    assert_eq!(store.given(attempt_id(1)).await.unwrap().len(), GIVEN_MAX);
}
