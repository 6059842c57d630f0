//! Distributed Maps on a real store: their items' executions, readers, writers, and ends.

use super::*;
use flint_model::BucketName;
use flint_stores::blob::{Listing, Range};
use futures::TryStreamExt;
use std::io::Write as _;

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

fn packed(content: &str) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(content.as_bytes()).and_then(|()| packer.finish()).expect("it is packed")
}

impl Site {
    async fn put_blob(&self, key: &str, content: impl AsRef<[u8]>) {
        let mut writer = self.stores.blobs().write(&bucket()).await.expect("a writer");
        writer.write(content.as_ref().to_vec().into()).await.expect("it is written");
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

    pub(super) async fn keys(&self, prefix: &str) -> Vec<String> {
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
        let mut fate = Fate(seed);
        for _ in 0..200 {
            (site, _) = site.turn_or_die(&mut fate).await;
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

    let config = json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "Transformation": "LOAD_AND_FLATTEN"});
    let mut config_of_few = config.clone();
    config_of_few["MaxItems"] = json!(2);
    let ids = ["1", "2", "3"].map(|id| json!({ "id": id }));
    for (config, expected) in [(config, &ids[..]), (config_of_few, &ids[..2])] {
        let flattened = reader("listObjectsV2", json!({"Bucket": "files", "Prefix": "in/"}), config);
        let mut site = Site::new(&map(&flattened, "echo"));
        site.put_blob("in/", "").await;
        site.put_blob("in/a.csv.gz", packed("id\n1\n2\n")).await;
        site.put_blob("in/b.csv", "id\n3\n").await;
        site.put_blob("out/c.csv", "id\n4\n").await;
        site.executions.start("one", json!({}), 7).await.expect("it starts");
        assert_eq!(site.finish("one").await.output, Some(json!(expected)));
    }
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
async fn a_run_that_fails_writes_what_came_of_its_items_and_which_were_left() {
    let writer = json!({
        "MaxConcurrency": 1,
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "files", "Prefix": "out"}},
    });
    let mut site = Site::new(&map(&writer, "fails-odd"));
    site.executions.start("one", json!([0, 1, 2, 3]), 7).await.expect("it starts");
    let failure = site.finish("one").await.failure.expect("a failure");
    assert_eq!(failure.error, "States.ExceedToleratedFailureThreshold");
    let listed = site.stores.blobs().list(&bucket(), Listing { prefix: "out/", delimiter: None }, None, 10).await;
    let listed = listed.expect("a list").blobs;
    let mut written = Vec::new();
    for group in ["FAILED_0", "PENDING_0", "SUCCEEDED_0"] {
        let blob = listed.iter().find(|blob| blob.key.contains(group)).expect(group);
        let records = site.blob(&blob.key).await;
        let records = records.as_array().expect("records").iter();
        written.extend(records.map(|record| json!([record["Status"], record["Input"], record["Error"]])));
    }
    let expected = [
        json!(["FAILED", "1", "Sorry"]),
        json!(["PENDING", "2", null]),
        json!(["PENDING", "3", null]),
        json!(["SUCCEEDED", "0", null]),
    ];
    assert_eq!(written, expected);
    assert!(listed.iter().any(|blob| blob.key.ends_with("/manifest.json")), "{listed:?}");
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
        executions.beginning_for(&work, executions, name, input, 8, Origin::default()).await
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

/// The ARNs of the map runs that events of this kind tell of.
async fn map_runs(site: &Site, kind: &str) -> Vec<Value> {
    let history = site.history("one").await;
    let of_kind = history.iter().filter(|happened| happened.kind == kind);
    of_kind.map(|happened| happened.details.as_ref().expect("details")["mapRunArn"].clone()).collect()
}

/// How often the task of each item was done.
fn times(site: &Site) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for work in &site.works {
        *times.entry(work.input.to_string()).or_default() += 1;
    }
    times
}

/// "You can restart unsuccessful child workflow executions in a Map Run by redriving your parent workflow" (developer guide,
/// "Redriving Map Runs in Step Functions executions").
#[tokio::test]
async fn a_redrive_runs_what_failed_or_never_began_and_keeps_what_succeeded() {
    let mut site = Site::new(&map(&json!({"ToleratedFailureCount": 1, "MaxConcurrency": 1}), "fails-odd-at-first"));
    site.executions.start("one", json!([0, 1, 2, 3, 4, 5]), 7).await.expect("it starts");
    let failure = site.finish("one").await.failure.expect("a failure");
    assert_eq!(failure.error, "States.ExceedToleratedFailureThreshold");
    assert_eq!(site.items().await.len(), 4, "the others never began");
    site.executions.redrive("one").await.expect("it goes on");
    let failure = site.finish("one").await.failure.expect("it fails once more");
    assert_eq!(failure.error, "States.ExceedToleratedFailureThreshold");
    site.tries = 1;
    let mut site = site.restart().await;
    site.executions.redrive("one").await.expect("it goes on");
    let head = site.finish("one").await;
    assert_eq!((head.status, head.redrives, head.output), (Status::Succeeded, 2, Some(json!([0, 1, 2, 3, 4, 5]))));
    assert_eq!(site.items().await, [Status::Succeeded; 6]);
    let once_or_thrice = [("0", 1), ("1", 3), ("2", 1), ("3", 3), ("4", 1), ("5", 1)];
    assert_eq!(times(&site), once_or_thrice.map(|(item, times)| (item.to_owned(), times)).into());
    let started = map_runs(&site, "MapRunStarted").await;
    assert_eq!(started.len(), 1);
    assert_eq!(map_runs(&site, "MapRunRedriven").await, [started[0].clone(), started[0].clone()]);
    site.clock.advance(DAY + Duration::from_secs(1));
    while site.turn(&mut || false).await {}
    assert_eq!(site.keys("m/").await.len(), 1, "all but the definition is forgotten");
}

#[tokio::test]
async fn a_map_run_is_redriven_as_it_would_have_been_however_often_the_host_dies() {
    for seed in 1..=8_u64 {
        let fields = json!({"ToleratedFailureCount": 2, "MaxConcurrency": 3});
        let mut site = Site::new(&map(&fields, "fails-odd-at-first"));
        let items: Vec<_> = (0..14).collect();
        site.executions.start("one", json!(items), 7).await.expect("it starts");
        let (mut fate, mut redriven, mut done) = (Fate(seed), 0, BTreeMap::new());
        for _ in 0..600 {
            (site, _) = site.turn_or_die(&mut fate).await;
            match site.executions.described("one").await.expect("it is there").head.status {
                Status::Running => {}
                Status::Succeeded => break,
                _ => {
                    // At once: what was stopped may not know it yet.
                    site.executions.redrive("one").await.expect("it goes on");
                    redriven += 1;
                    site.tries = u64::from(redriven > 1);
                    done = succeeded(&site).await;
                }
            }
        }
        let head = site.finish("one").await;
        assert_eq!((head.status, head.output), (Status::Succeeded, Some(json!(items))), "seed {seed}");
        assert!(redriven >= 2, "seed {seed}");
        let after = succeeded(&site).await;
        assert!(done.iter().all(|item| after.get(item.0) == Some(item.1)), "seed {seed}: {done:?} {after:?}");
    }
}

/// The items that have succeeded, and how often each was redriven.
async fn succeeded(site: &Site) -> BTreeMap<String, u32> {
    let mut succeeded = BTreeMap::new();
    for key in site.keys("m/c/").await {
        let name = key.strip_prefix("m/c/").expect("a name");
        let head = site.executions.described(name).await.expect("it is there").head;
        if head.status == Status::Succeeded {
            succeeded.insert(name.to_owned(), head.redrives);
        }
    }
    succeeded
}

#[tokio::test]
async fn items_that_were_stopped_with_their_execution_go_on_with_it() {
    let waits = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";
    for turns in 0..4 {
        let mut site = Site::new(&map(&json!({"MaxConcurrency": 2}), waits));
        site.executions.start("one", json!([0, 1, 2]), 7).await.expect("it starts");
        while site.turn(&mut || false).await {}
        site.executions.stop("one", Failure::new("Enough", "")).await.expect("it is stopped");
        // The fewer there are, the less has been told to the items when they are redriven.
        site.turn(&mut || false).await;
        for _ in 0..turns {
            site.turn(&mut || false).await;
        }
        site.executions.redrive("one").await.expect("it goes on");
        let mut told = 0;
        for _ in 0..20 {
            while site.turn(&mut || false).await {}
            let works = site.works.split_off(told.min(site.works.len()));
            for work in &works {
                let token = site.executions.token(work).await.expect("a token").expect("it is there");
                let ended = |task: Ticket| Event::TaskEnded { task, result: Ok(work.input.clone()) };
                // Of one that was stopped, nobody waits for it.
                _ = site.executions.tell(&token, ended).await;
            }
            site.works.extend(works);
            told = site.works.len();
        }
        let head = site.finish("one").await;
        assert_eq!((head.status, head.output), (Status::Succeeded, Some(json!([0, 1, 2]))), "{turns} turns");
        assert_eq!(site.items().await, [Status::Succeeded; 3], "{turns} turns");
    }
}

#[tokio::test]
async fn a_map_run_without_items_or_that_is_retried_is_not_the_one_that_was() {
    let reader = json!({"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket": "files", "Key": "in.json"}}});
    let mut site = Site::new(&map(&reader, "echo"));
    site.executions.start("one", json!({}), 7).await.expect("it starts");
    assert_eq!(site.finish("one").await.failure.expect("a failure").error, "States.ItemReaderFailed");
    site.put_blob("in.json", "[1, 2]").await;
    site.executions.redrive("one").await.expect("it goes on");
    assert_eq!(site.finish("one").await.output, Some(json!([1, 2])));
    assert_eq!((map_runs(&site, "MapRunStarted").await.len(), map_runs(&site, "MapRunRedriven").await.len()), (2, 0));

    let retry = json!({"Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}], "MaxConcurrency": 1});
    let mut site = Site::new(&map(&retry, "fails-odd-at-first"));
    site.executions.start("one", json!([0, 1]), 7).await.expect("it starts");
    assert_eq!(site.finish("one").await.status, Status::Failed);
    assert_eq!(times(&site), [("0".to_owned(), 2), ("1".to_owned(), 2)].into(), "a retry begins anew");
    site.tries = 1;
    site.executions.redrive("one").await.expect("it goes on");
    assert_eq!(site.finish("one").await.output, Some(json!([0, 1])));
    assert_eq!(times(&site), [("0".to_owned(), 2), ("1".to_owned(), 3)].into());
    assert_eq!((map_runs(&site, "MapRunStarted").await.len(), map_runs(&site, "MapRunRedriven").await.len()), (2, 1));
}
