//! Pages for people who look around.

use serde_json::json;
use world::RunScript;

use crate::client::Scene;

#[tokio::test]
async fn a_person_finds_what_was_said_and_checked_and_nothing_runs_in_their_browser() {
    let scene = Scene::start().await;
    let pull = scene.open_pull().await;
    scene.world.comment(&pull, "mona", "<script>alert(1)</script>");
    scene.world.ci_run(&pull, &RunScript::red("build", "Run cargo test", "error: no"));
    let token = scene.token().await;
    let sha = scene.world.head_sha(&pull);
    let output = json!({"title": "Healed", "summary": "by a recipe"});
    let check =
        json!({"name": "selfheal", "head_sha": sha, "conclusion": "success", "output": output});
    scene.post(&token, "/check-runs", check).await;
    let read = async |tail: &str| {
        let url = format!("{}{tail}", scene.world.web_url());
        scene.http.get(url).send().await.unwrap().text().await.unwrap()
    };
    assert!(read("/").await.contains("<a href=\"/acme/widget\">"));
    assert!(read("/acme/widget").await.contains("#1 Add a feature (open)"));
    let page = read("/acme/widget/pull/1").await;
    assert!(page.contains("selfheal Healed"), "{page}");
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"));
    let job = page.split("/acme/widget/runs/").nth(1).unwrap().split('"').next().unwrap();
    assert!(read(&format!("/acme/widget/runs/{job}")).await.contains("Z error: no"));
    assert!(read("/acme/widget/pull/2").await.contains("no such page"));
}
