//! Distributed Maps on a real store: their items' executions, readers, writers, and ends.

use super::*;
use flint_model::BucketName;
use flint_stores::blob::{Listing, Range};
use futures::TryStreamExt;

/// A distributed Map with these further fields, whose items are done by a task of this resource.
fn map(fields: &Value, resource: &str) -> String {
    let mut state = json!({
        "Type": "Map", "End": true,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": resource, "End": true}},
        },
    });
    for (name, value) in fields.as_object().expect("fields") {
        state[name] = value.clone();
    }
    json!({"StartAt": "Each", "States": {"Each": state}}).to_string()
}

fn bucket() -> BucketName {
    BucketName::parse("files").expect("a name")
}

impl Site {
    async fn put_blob(&self, key: &str, content: &str) {
        let mut writer = self.stores.blobs().write(&bucket()).await.expect("a writer");
        writer.write(content.to_owned().into()).await.expect("it is written");
        let content = writer.finish().await.expect("content");
        let (key, metadata) = (key.to_owned(), BTreeMap::new());
        let link = Effect::BlobLink { bucket: bucket(), key, content, content_type: None, metadata, expect: None };
        self.stores.commit(link.into()).await.expect("it is linked");
    }

    async fn blob(&self, key: &str) -> Value {
        let blob = self.stores.blobs().read(&bucket(), key, Range::ALL).await.expect("a blob").expect("it is there");
        let blocks: Vec<_> = blob.body.bytes.try_collect().await.expect("its bytes");
        serde_json::from_slice(&blocks.concat()).expect("JSON")
    }

    async fn keys(&self, prefix: &str) -> Vec<String> {
        let page = self.stores.kv().scan(&place().store, prefix, None, 1_000).await.expect("a page");
        page.items.into_iter().map(|item| item.key).collect()
    }

    /// How the executions of items are, in the order of their names.
    async fn items(&self) -> Vec<Status> {
        let mut statuses = Vec::new();
        for key in self.keys("m/c/").await {
            let name = key.strip_prefix("m/c/").expect("a name");
            statuses.push(self.executions.described(name).await.expect("it is there").head.status);
        }
        statuses
    }
}

#[tokio::test]
async fn items_are_executions_whose_outputs_are_in_the_order_of_the_items() {
    let mut site = Site::new(&map(&json!({"MaxConcurrency": 3, "ItemSelector": {"n.$": "$$.Map.Item.Value"}}), "echo"));
    let items: Vec<_> = (0..20).collect();
    site.executions.start("one", json!(items), 7).await.expect("it starts");
    let head = site.finish("one").await;
    let expected: Vec<_> = items.iter().map(|n| json!({ "n": n })).collect();
    assert_eq!((head.status, head.output), (Status::Succeeded, Some(Value::Array(expected))));
    let listed = site.executions.list(None, 100).await.expect("a list");
    assert_eq!(listed.executions.len(), 1, "those of items are not listed");
    let history = site.history("one").await;
    let kinds: Vec<_> = history.iter().map(|happened| happened.kind).collect();
    assert!(kinds.contains(&"MapRunStarted") && kinds.contains(&"MapRunSucceeded"), "{kinds:?}");
    site.clock.advance(DAY + Duration::from_secs(1));
    while site.turn(&mut || false).await {}
    let keys = site.keys("m/").await;
    assert!(
        matches!(keys.as_slice(), [key] if key.starts_with("m/d/")),
        "all but the definition is forgotten: {keys:?}"
    );
}

#[tokio::test]
async fn a_map_run_ends_as_it_would_have_however_often_the_host_dies() {
    for seed in 1..=6_u64 {
        let mut site = Site::new(&map(&json!({"MaxConcurrency": 4}), "flaky-item"));
        let items: Vec<_> = (0..12).collect();
        site.executions.start("one", json!(items), 7).await.expect("it starts");
        let mut random = seed;
        for _ in 0..200 {
            let mut died = false;
            let busy = site
                .turn(&mut || {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    died = random >> 62 == 0;
                    died
                })
                .await;
            if died {
                site = site.restart().await;
            }
            if died || !busy {
                site.clock.advance(Duration::from_secs(60));
            }
            if site.executions.described("one").await.expect("it is there").head.status != Status::Running {
                break;
            }
        }
        assert_eq!(site.finish("one").await.output, Some(json!(items)), "seed {seed}");
    }
}

#[tokio::test]
async fn more_failures_than_are_tolerated_end_the_run_and_stop_the_rest() {
    let fails = |tolerated: u64| map(&json!({"ToleratedFailureCount": tolerated, "MaxConcurrency": 2}), "fails-odd");
    let mut site = Site::new(&fails(2));
    site.executions.start("one", json!([0, 1, 2, 3, 4, 5, 6, 7]), 7).await.expect("it starts");
    let head = site.finish("one").await;
    let failure = head.failure.expect("a failure");
    assert_eq!((head.status, failure.error.as_str()), (Status::Failed, "States.ExceedToleratedFailureThreshold"));
    while site.turn(&mut || false).await {}
    let statuses = site.items().await;
    assert!(!statuses.contains(&Status::Running) && (6..8).contains(&statuses.len()), "{statuses:?}");

    let mut site = Site::new(&fails(4));
    site.executions.start("one", json!([0, 1, 2]), 7).await.expect("it starts");
    let sorry = json!({"Error": "Sorry", "Cause": "it never works"});
    assert_eq!(site.finish("one").await.output, Some(json!([0, sorry, 2])));
}

#[tokio::test]
async fn items_are_read_from_an_object_and_from_a_list_of_objects() {
    let reader = |resource: &str, parameters: Value, config: Value| json!({"ItemReader": {"Resource": format!("arn:aws:states:::s3:{resource}"), "ReaderConfig": config, "Parameters": parameters}});
    let object = json!({"Bucket": "files", "Key.$": "$.key"});
    let csv = reader("getObject", object.clone(), json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}));
    let mut site = Site::new(&map(&csv, "echo"));
    site.put_blob("in.csv", "id,name\n1,Ann\n2,Bob\n").await;
    site.executions.start("one", json!({"key": "in.csv"}), 7).await.expect("it starts");
    let expected = json!([{"id": "1", "name": "Ann"}, {"id": "2", "name": "Bob"}]);
    assert_eq!(site.finish("one").await.output, Some(expected));
    site.executions.start("two", json!({"key": "gone.csv"}), 7).await.expect("it starts");
    let failure = site.finish("two").await.failure.expect("a failure");
    assert_eq!(failure.error, "States.ItemReaderFailed");
    assert!(failure.cause.contains("gone.csv"), "{}", failure.cause);

    let list = reader("listObjectsV2", json!({"Bucket": "files", "Prefix": "in/"}), json!({"MaxItems": 2}));
    let mut site = Site::new(&map(&list, "echo"));
    for key in ["in/a", "in/b", "in/c", "out/d"] {
        site.put_blob(key, key).await;
    }
    site.executions.start("one", json!({}), 7).await.expect("it starts");
    let output = site.finish("one").await.output.expect("an output");
    let keys: Vec<_> = output.as_array().expect("a list").iter().map(|item| item["Key"].clone()).collect();
    assert_eq!(keys, ["in/a", "in/b"]);
}

#[tokio::test]
async fn results_are_written_as_files_and_a_manifest() {
    let writer = json!({
        "ToleratedFailurePercentage": 100,
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "files", "Prefix": "out"}},
    });
    let mut site = Site::new(&map(&writer, "fails-odd"));
    site.executions.start("one", json!([0, 1, 2]), 7).await.expect("it starts");
    let output = site.finish("one").await.output.expect("an output");
    let key = output["ResultWriterDetails"]["Key"].as_str().expect("a key");
    let manifest = site.blob(key).await;
    assert_eq!((&manifest["MapRunArn"], &manifest["DestinationBucket"]), (&output["MapRunArn"], &json!("files")));
    let file = |group: &str| manifest["ResultFiles"][group][0]["Key"].as_str().expect("a key").to_owned();
    let well = site.blob(&file("SUCCEEDED")).await;
    assert_eq!(
        (well.as_array().map(Vec::len), &well[0]["Output"], &well[1]["Input"]),
        (Some(2), &json!("0"), &json!("2"))
    );
    assert_eq!(site.blob(&file("FAILED")).await[0]["Error"], json!("Sorry"));
    let listed = site.stores.blobs().list(&bucket(), Listing { prefix: "out/", delimiter: None }, None, 10).await;
    assert_eq!(listed.expect("a list").blobs.len(), 3);

    let nowhere =
        json!({"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "none"}}});
    let mut site = Site::new(&map(&nowhere, "echo"));
    site.executions.start("one", json!([0]), 7).await.expect("it starts");
    assert_eq!(site.finish("one").await.failure.expect("a failure").error, "States.ResultWriterFailed");
}

#[tokio::test]
async fn a_map_run_is_stopped_with_its_execution() {
    let mut site = Site::new(&map(&json!({}), "arn:aws:states:::sqs:sendMessage.waitForTaskToken"));
    site.executions.start("one", json!([0, 1]), 7).await.expect("it starts");
    while site.turn(&mut || false).await {}
    assert_eq!(site.items().await, [Status::Running; 2]);
    site.executions.stop("one", Failure::new("Enough", "")).await.expect("it is stopped");
    while site.turn(&mut || false).await {}
    assert_eq!(site.items().await, [Status::Aborted; 2]);
}

#[tokio::test]
async fn an_execution_that_a_task_waits_for_tells_its_end_and_is_stopped_with_it() {
    let waits = r#"{"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "End": true,
        "Resource": "arn:aws:states:::states:startExecution.sync:2", "Parameters": {"StateMachineArn": "m", "Input": {"n": 1}}}}}"#;
    let mut site = Site::new(waits);
    site.executions.start("one", json!({}), 7).await.expect("it starts");
    while site.turn(&mut || false).await {}
    let work = site.work.clone().expect("the task");
    let child = async |site: &Site, name: &str| {
        let (executions, input) = (&site.executions, json!({"n": 1}));
        executions.beginning_for(&work, executions, name, input, 8, true).await
    };
    // The child is one of the same machine: it waits, until it is stopped.
    let effects = child(&site, "two").await.expect("it starts").effects;
    site.settle(effects, []).await;
    assert!(matches!(child(&site, "two").await, Err(ExecutionError::Exists { .. })));
    while site.turn(&mut || false).await {}
    site.executions.stop("two", Failure::new("Enough", "by hand")).await.expect("it is stopped");
    let failure = site.finish("one").await.failure.expect("a failure");
    let told: Value = serde_json::from_str(&failure.cause).expect("JSON");
    assert_eq!(
        (failure.error.as_str(), &told["Status"], &told["Error"]),
        ("States.TaskFailed", &json!("ABORTED"), &json!("Enough"))
    );

    let mut site = Site::new(waits);
    site.executions.start("one", json!({}), 7).await.expect("it starts");
    while site.turn(&mut || false).await {}
    let effects = child(&site, "two").await.expect("it starts").effects;
    site.settle(effects, []).await;
    site.executions.stop("one", Failure::new("Enough", "by hand")).await.expect("it is stopped");
    while site.turn(&mut || false).await {}
    let head = site.executions.described("two").await.expect("it is there").head;
    assert_eq!(head.status, Status::Aborted);
}
