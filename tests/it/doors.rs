//! The doors: what the server answers to whoever knocks, over a real socket.

mod crowds;
mod full_disk;
mod malice;
mod sizes;
mod slow;
mod unavailable;

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Client, Method, Response, StatusCode};
use secrecy::SecretString;
use selfheal::http::{self, DoorLimits, Operators};
use selfheal::ports::store::{Claim, NewDelivery};
use selfheal::service::Services;
use sha2::Sha256;

use crate::harness::Tester;

const PING: &str = "{\"zen\":\"Keep it logically awesome.\",\"hook_id\":1}";

/// A pull request that was opened, as far as it is read.
const OPENED: &str = include_str!(
    "../fixtures/github-payloads/pull_request/octocrab-tests.pull_request_synchronize_webhook_event.json"
);

/// Where the runner of an attempt that never was would knock.
const ATTEMPT: &str = "/runner/v1/attempts/att_00000000000000000000000000000001";

/// A delivery that can be spoilt.
struct Knock {
    event: Option<&'static str>,
    id: Option<String>,
    signature: Option<(&'static str, String)>,
    body: Vec<u8>,
}

fn signed(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// Another door to a server, with limits of its own; its address.
pub(crate) async fn door(services: &Services, limits: DoorLimits) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = http::router(services.clone(), limits, Operators::default());
    tokio::spawn(http::serve(listener, router, limits, std::future::pending()));
    address.to_string()
}

impl Knock {
    fn of(tester: &Tester, event: &'static str, body: &[u8]) -> Self {
        let signature = signed(&tester.world.webhook_secret(), body);
        Self {
            event: Some(event),
            id: Some("72d3162e-cc78-11e3-81ab-4c9367dc0958".to_owned()),
            signature: Some(("x-hub-signature-256", signature)),
            body: body.to_vec(),
        }
    }

    async fn answered(self, tester: &Tester) -> Response {
        self.answered_at(&tester.url()).await
    }

    async fn answered_at(self, url: &str) -> Response {
        let client = Client::builder().no_proxy().build().unwrap();
        let mut request = client.post(format!("{url}/webhooks/github"));
        request = request.header("content-type", "application/json");
        if let Some(event) = self.event {
            request = request.header("x-github-event", event);
        }
        if let Some(id) = self.id {
            request = request.header("x-github-delivery", id);
        }
        if let Some((name, value)) = self.signature {
            request = request.header(name, value);
        }
        request.body(self.body).send().await.unwrap()
    }

    async fn status(self, tester: &Tester) -> StatusCode {
        self.answered(tester).await.status()
    }
}

#[tokio::test]
async fn a_delivery_is_recorded_once_and_then_known() {
    let t = Tester::start().await;
    let first = Knock::of(&t, "pull_request", OPENED.as_bytes());
    assert_eq!(first.status(&t).await, StatusCode::ACCEPTED);
    assert_eq!(t.backlog().await.deliveries, 1, "it is durable when it is answered");
    let again = Knock::of(&t, "pull_request", OPENED.as_bytes());
    assert_eq!(again.status(&t).await, StatusCode::OK);
    assert_eq!(t.backlog().await.deliveries, 1);
}

/// The delivery that is there.
async fn the_only_one(t: &Tester) -> NewDelivery {
    let services = t.app().services();
    let claim = Claim { now: services.clock.now(), lease_ms: 1_000 };
    services.store.claim_delivery(claim).await.unwrap().unwrap().item.delivery
}

#[tokio::test]
async fn of_a_delivery_only_what_is_read_is_kept() {
    let t = Tester::start().await;
    let knock = Knock::of(&t, "pull_request", format!("\n {OPENED}\n\n").as_bytes());
    assert_eq!(knock.status(&t).await, StatusCode::ACCEPTED);
    let recorded = the_only_one(&t).await;
    assert_eq!(recorded.event, "pull_request");
    assert_eq!(recorded.id.as_str(), "72d3162e-cc78-11e3-81ab-4c9367dc0958");
    let inbound = &t.app().services().inbound;
    let read = |body: &[u8]| inbound.read("pull_request", body).unwrap();
    assert_eq!(read(&recorded.body), read(OPENED.as_bytes()));
    let text = String::from_utf8_lossy(&recorded.body);
    let title = "\"title\":";
    assert!(OPENED.contains(title) && !text.contains(title), "{text}");
    assert!(text.len() < 1_000, "{} bytes", text.len());
}

#[tokio::test]
async fn what_is_of_no_interest_is_acknowledged_and_not_kept() {
    let t = Tester::start().await;
    for (event, body) in [("sponsorship", "{}"), ("pull_request", "{\"action\":\"levitated\"}")] {
        assert_eq!(Knock::of(&t, event, body.as_bytes()).status(&t).await, StatusCode::OK);
    }
    assert_eq!(t.backlog().await.deliveries, 0);
    assert!(Knock::of(&t, "ping", PING.as_bytes()).status(&t).await.is_success());
}

#[tokio::test]
async fn what_is_not_authentic_is_refused_before_it_is_read() {
    let t = Tester::start().await;
    let body = OPENED.as_bytes();
    let spoilt = |signature: Option<(&'static str, String)>| Knock {
        signature,
        ..Knock::of(&t, "pull_request", body)
    };
    let right = signed(&t.world.webhook_secret(), body);
    for signature in [
        None,
        Some(("x-hub-signature-256", signed("another secret", body))),
        Some(("x-hub-signature-256", right.trim_start_matches("sha256=").to_owned())),
        Some(("x-hub-signature-256", right[..right.len() - 2].to_owned())),
        Some(("x-hub-signature-256", String::new())),
        Some(("x-hub-signature", right.clone())),
        Some(("x-hub-signature-256", signed(&t.world.webhook_secret(), b"another body"))),
    ] {
        let said = format!("{signature:?}");
        assert_eq!(spoilt(signature).status(&t).await, StatusCode::UNAUTHORIZED, "{said}");
    }
    assert_eq!(t.backlog().await.deliveries, 0);
}

#[tokio::test]
async fn what_is_malformed_is_told_so() {
    let t = Tester::start().await;
    let told = async |knock: Knock, part: &str| {
        let answer = knock.answered(&t).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let text = answer.text().await.unwrap();
        assert!(text.contains(part), "{text}");
    };
    let body = OPENED.as_bytes();
    told(Knock { event: None, ..Knock::of(&t, "push", body) }, "X-GitHub-Event").await;
    told(Knock { id: None, ..Knock::of(&t, "push", body) }, "X-GitHub-Delivery").await;
    let spaced = Some("not an id".to_owned());
    told(Knock { id: spaced, ..Knock::of(&t, "push", body) }, "delivery").await;
    told(Knock::of(&t, "push", &body[..100]), "JSON").await;
    told(Knock::of(&t, "push", b"payload=%7B%7D"), "application/json").await;
}

#[tokio::test]
async fn two_secrets_are_valid_while_one_is_replaced() {
    let mut t = Tester::start().await;
    let old = t.world.webhook_secret();
    t.webhook_secrets(vec![SecretString::from("the new one"), SecretString::from(old.clone())])
        .await;
    for (secret, expected) in [
        (old.as_str(), StatusCode::ACCEPTED),
        ("the new one", StatusCode::OK),
        ("neither", StatusCode::UNAUTHORIZED),
    ] {
        let signature = Some(("x-hub-signature-256", signed(secret, OPENED.as_bytes())));
        let knock = Knock { signature, ..Knock::of(&t, "pull_request", OPENED.as_bytes()) };
        assert_eq!(knock.status(&t).await, expected, "{secret}");
    }
}

#[tokio::test]
async fn nothing_is_acknowledged_that_cannot_be_kept() {
    let mut t = Tester::start().await;
    let get = async |path: &str| {
        let client = Client::builder().no_proxy().build().unwrap();
        client.get(format!("{}{path}", t.url())).send().await.unwrap().status()
    };
    assert_eq!((get("/healthz").await, get("/readyz").await), (StatusCode::OK, StatusCode::OK));
    t.app().close().await;
    let answer = Knock::of(&t, "pull_request", OPENED.as_bytes()).answered(&t).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "10");
    assert_eq!(get("/healthz").await, StatusCode::OK, "the process is well");
    assert_eq!(get("/readyz").await, StatusCode::SERVICE_UNAVAILABLE);
    t.restart().await;
    let again = Knock::of(&t, "pull_request", OPENED.as_bytes());
    assert_eq!(again.status(&t).await, StatusCode::ACCEPTED, "the same delivery is taken then");
}

#[tokio::test]
async fn other_doors_are_closed() {
    let t = Tester::start().await;
    let client = Client::builder().no_proxy().build().unwrap();
    let knock = async |method: Method, path: &str| {
        let request = client.request(method, format!("{}{path}", t.url()));
        request.header("content-type", "application/json").body("{}").send().await.unwrap()
    };
    let nowhere = knock(Method::GET, "/nowhere").await;
    assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
    assert_eq!(nowhere.headers()["content-type"], "application/problem+json");
    for (method, path, allowed) in [
        (Method::GET, "/webhooks/github", "POST"),
        (Method::POST, "/readyz", "GET,HEAD"),
        (Method::DELETE, &format!("{ATTEMPT}/brief"), "GET,HEAD"),
    ] {
        let wrong = knock(method, path).await;
        assert_eq!(wrong.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(wrong.headers()["allow"], allowed, "{path}");
        assert_eq!(wrong.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn a_runner_without_a_token_learns_nothing() {
    let t = Tester::start().await;
    let client = Client::builder().no_proxy().build().unwrap();
    let odd = "/runner/v1/attempts/..%2f..%2fetc";
    for (method, path) in [
        (Method::GET, "brief"),
        (Method::POST, "heartbeat"),
        (Method::POST, "stages"),
        (Method::POST, "outcome"),
    ] {
        for attempt in [ATTEMPT, odd] {
            let request = client.request(method.clone(), format!("{}{attempt}/{path}", t.url()));
            let answer = request.body("not JSON").send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{attempt}/{path}");
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
        }
        let request = client.request(method, format!("{}{odd}/{path}", t.url()));
        let answer = request.bearer_auth("guessed").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn an_identity_that_cannot_be_read_is_told_so() {
    let t = Tester::start().await;
    let client = Client::builder().no_proxy().build().unwrap();
    for (kind, body, expected) in [
        ("application/json", "{", StatusCode::BAD_REQUEST),
        ("application/json", "{}", StatusCode::UNPROCESSABLE_ENTITY),
        ("text/plain", "{}", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let request = client.post(format!("{}{ATTEMPT}/admission", t.url()));
        let answer = request.header("content-type", kind).body(body).send().await.unwrap();
        assert_eq!(answer.status(), expected, "{kind} {body}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
}
