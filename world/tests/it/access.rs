//! Who may do what.

use serde_json::json;

use crate::client::Scene;

#[tokio::test]
async fn the_app_shows_itself_to_its_own_jwt_only() {
    let scene = Scene::start().await;
    let app = scene.send("GET", "/app", (&scene.jwt(500), None)).await;
    assert_eq!((app.status, &app.body["slug"]), (200, &json!("selfheal")));
    assert_eq!(app.body["permissions"]["contents"], "write");

    let long = scene.send("GET", "/app", (&scene.jwt(1200), None)).await;
    assert_eq!(
        (long.status, long.message()),
        (401, "'Expiration time' claim ('exp') is too far in the future")
    );
    let old = scene.jwt(30);
    scene.pass(31_000);
    assert_eq!(scene.send("GET", "/app", (&old, None)).await.status, 401);
    assert_eq!(scene.send("GET", "/app", ("", None)).await.status, 401);
    assert_eq!(scene.send("GET", "/app", ("ghs_nonsense", None)).await.status, 401);
    let token = scene.token().await;
    assert_eq!(scene.send("GET", "/app", (&token, None)).await.status, 401);
}

#[tokio::test]
async fn a_narrowed_token_can_do_no_more_than_was_asked_for() {
    let scene = Scene::start().await;
    let got = scene.narrowed(json!({"permissions": {"checks": "read"}})).await;
    assert_eq!(got.status, 201);
    assert_eq!(got.body["permissions"], json!({"checks": "read", "metadata": "read"}));
    let token = got.body["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("ghs_"));

    assert_eq!(scene.get(&token, "/commits/main/check-runs").await.status, 200);
    let denied = scene.get(&token, "/pulls").await;
    assert_eq!((denied.status, denied.message()), (403, "Resource not accessible by integration"));

    let more = scene.narrowed(json!({"permissions": {"administration": "write"}})).await;
    assert_eq!(more.status, 422);
    let more = scene.narrowed(json!({"permissions": {"issues": "write"}})).await;
    assert_eq!(more.status, 422);
}

#[tokio::test]
async fn a_token_reaches_the_repositories_it_was_made_for() {
    let scene = Scene::start().await;
    let other = scene.world.repository("acme/gadget").create().await.unwrap();
    let foreign = scene.world.repository("evil/widget").create().await.unwrap();
    let got = scene.narrowed(json!({"repository_ids": [other.id()]})).await;
    let token = got.body["token"].as_str().unwrap().to_owned();
    assert_eq!(scene.get(&token, "").await.status, 404);
    assert_eq!(scene.send("GET", "/repos/acme/gadget", (&token, None)).await.status, 200);
    assert_eq!(scene.send("GET", "/repos/evil/widget", (&token, None)).await.status, 404);
    let listed = scene.send("GET", "/installation/repositories", (&token, None)).await;
    assert_eq!(listed.body["total_count"], 1);
    assert_eq!(scene.narrowed(json!({"repository_ids": [foreign.id()]})).await.status, 422);
}

#[tokio::test]
async fn a_token_ends_with_its_hour_its_revocation_or_its_installation() {
    let scene = Scene::start().await;
    let token = scene.token().await;
    assert_eq!(scene.get(&token, "").await.status, 200);
    scene.pass(3_600_000);
    assert_eq!(scene.get(&token, "").await.status, 401);

    let token = scene.token().await;
    assert_eq!(scene.send("DELETE", "/installation/token", (&token, None)).await.status, 204);
    assert_eq!(scene.get(&token, "").await.status, 401);

    let token = scene.token().await;
    scene.world.suspend("acme");
    let refused = scene.get(&token, "").await;
    assert_eq!((refused.status, refused.message()), (403, "This installation has been suspended"));
    assert_eq!(scene.narrowed(json!({})).await.status, 403);
    scene.world.unsuspend("acme");
    assert_eq!(scene.get(&token, "").await.status, 200);
    scene.world.uninstall("acme");
    assert_eq!(scene.get(&token, "").await.status, 401);
    assert_eq!(scene.narrowed(json!({})).await.status, 404);
}

#[tokio::test]
async fn a_manifest_becomes_the_app_once() {
    let scene = Scene::start().await;
    let manifest = json!({
        "name": "selfheal acme", "url": "https://x.example",
        "hook_attributes": {"url": "https://x.example/hook"},
        "redirect_url": "https://x.example/back",
        "default_permissions": {"checks": "write"}, "default_events": ["push"],
    });
    let form = format!("manifest={}", manifest.to_string().replace('&', "%26"));
    let page = format!("{}/settings/apps/new?state=s1", scene.world.web_url());
    let typed = "application/x-www-form-urlencoded";
    let sent = scene.http.post(page).header("content-type", typed).body(form).send().await.unwrap();
    assert_eq!(sent.status(), 303);
    let back = sent.headers()["location"].to_str().unwrap().to_owned();
    let (code, state) =
        back.strip_prefix("https://x.example/back?code=").unwrap().split_once("&state=").unwrap();
    assert_eq!(state, "s1");

    let path = format!("/app-manifests/{code}/conversions");
    let made = scene.send("POST", &path, ("", None)).await;
    assert_eq!((made.status, &made.body["slug"]), (201, &json!("selfheal-acme")));
    assert!(made.body["pem"].as_str().unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
    assert_eq!(made.body["webhook_secret"], scene.world.webhook_secret());
    assert_eq!(scene.send("POST", &path, ("", None)).await.status, 404);
    let bot = scene.send("GET", "/users/selfheal-acme%5Bbot%5D", ("", None)).await;
    assert_eq!((bot.status, &bot.body["type"]), (200, &json!("Bot")));
}

#[tokio::test]
async fn permissions_of_people_are_told_in_both_granularities() {
    let scene = Scene::start().await;
    scene.world.collaborator(&scene.repo, "ann", "maintain");
    scene.world.collaborator(&scene.repo, "tim", "triage");
    let token = scene.token().await;
    let told = async |login: &str| {
        let got = scene.get(&token, &format!("/collaborators/{login}/permission")).await;
        format!("{} {} {}", got.status, got.body["permission"], got.body["role_name"])
    };
    assert_eq!(told("acme").await, r#"200 "admin" "admin""#);
    assert_eq!(told("mona").await, r#"200 "write" "write""#);
    assert_eq!(told("ann").await, r#"200 "write" "maintain""#);
    assert_eq!(told("tim").await, r#"200 "read" "triage""#);
    assert_eq!(told("nobody").await, "404 null null");
}

#[tokio::test]
async fn a_renamed_repository_is_redirected_to_by_its_number() {
    let scene = Scene::start().await;
    let token = scene.token().await;
    scene.world.rename_repository(&scene.repo, "gizmo");
    let moved = scene.get(&token, "/pulls?state=all").await;
    let expected = format!("{}/repositories/{}/pulls", scene.world.api_url(), scene.repo.id());
    assert_eq!((moved.status, moved.header("location")), (301, expected.as_str()));
    let body = json!({"labels": ["x"]});
    assert_eq!(scene.post(&token, "/issues/1/labels", body).await.status, 307);
    let path = format!("/repositories/{}", scene.repo.id());
    let there = scene.send("GET", &path, (&token, None)).await;
    assert_eq!((there.status, &there.body["full_name"]), (200, &json!("acme/gizmo")));
    assert_eq!(scene.send("GET", "/repositories/1", (&token, None)).await.status, 404);
}
