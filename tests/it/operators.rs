//! What operators do with the database by the program: migrate it, back it up, put it back.

use crate::harness::Machine;

#[tokio::test]
async fn migrate_says_what_is_pending_and_what_it_did() {
    let machine = Machine::start().await;
    let said = machine.run(&["migrate", "--check"]).await;
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.out.starts_with("0001 start: pending\n0002 logs: pending\n"), "{}", said.out);
    assert!(!machine.data_dir().exists(), "a check makes nothing");

    let said = machine.run(&["migrate"]).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.starts_with("0001 start: applied\n"), "{}", said.out);
    for args in [&["migrate", "--check"][..], &["migrate"]] {
        let said = machine.run(args).await;
        assert_eq!(said.code, Some(0), "{}", said.err);
        assert!(said.out.starts_with("the schema is up to date ("), "{}", said.out);
    }
    let said = machine.run(&["migrate", "--check", "--format", "json"]).await;
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(value["known"][0], serde_json::json!({ "version": 1, "about": "start" }));
    assert_eq!(value["pending"], serde_json::json!([]));
}

#[tokio::test]
async fn a_server_that_must_not_migrate_says_what_to_run() {
    let mut machine = Machine::with_credentials().await;
    machine.set("MIGRATE", "manual");
    let said = machine.run(&["serve"]).await;
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert!(said.err.contains("run `selfheal migrate`"), "{}", said.err);
    assert_eq!(machine.run(&["migrate"]).await.code, Some(0));
    let mut server = machine.serve();
    server.says("listening").await;
    assert_eq!(server.stop().await.0, Some(0));
}

#[tokio::test]
async fn a_backup_is_taken_from_a_server_that_runs_and_put_back_when_it_does_not() {
    let machine = Machine::with_credentials().await;
    let mut server = machine.serve();
    server.says("listening").await;
    let said = machine.run(&["backup", "copy.db"]).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.starts_with("copy.db: ") && said.out.ends_with(", sound\n"), "{}", said.out);
    let said = machine.run(&["backup", "copy.db"]).await;
    assert_eq!(said.code, Some(3));
    assert!(said.err.contains("copy.db exists"), "{}", said.err);
    let said = machine.run(&["restore", "copy.db"]).await;
    assert_eq!(said.code, Some(3));
    assert!(said.err.contains("stop the server first"), "{}", said.err);
    assert_eq!(server.stop().await.0, Some(0));

    let said = machine.run(&["restore", "copy.db"]).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("the database before it is "), "{}", said.out);
    let said = machine.run(&["restore"]).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("knows that it was put back"), "{}", said.out);
    let mut server = machine.serve();
    server.says("listening").await;
    assert_eq!(server.stop().await.0, Some(0));
}
