//! A workflow over a bucket: smaller pictures of all that is in it, and what came of each.

use super::picture::{bomb, colours, jpeg, png, quarters};
use crate::harness::{Host, Launch, eventually};
use http::Method;
use image::ImageFormat;
use serde_json::{Value, json};

fn put(host: &Host, key: &str, content: Vec<u8>) {
    host.admin().send(Method::PUT, &format!("/v1/buckets/pictures/{key}"), &[], content).expect(200);
}

fn keys(host: &Host, bucket: &str) -> Vec<String> {
    let listed = host.admin().get(&format!("/v1/buckets/{bucket}?limit=1000")).expect(200).json();
    let blobs = listed["blobs"].as_array().expect("blobs").iter();
    blobs.map(|blob| blob["key"].as_str().expect("a key").to_owned()).collect()
}

/// Runs the workflow, and tells how it ended.
fn run(host: &Host, name: &str, input: &Value) -> Value {
    host.flint(["workflow", "start", "images", "--name", name, "--input", &input.to_string()]).ok();
    eventually("the run to end", || {
        let execution = host.flint(["workflow", "describe", "images", name, "--json"]).ok().json();
        (execution["status"] != "RUNNING").then_some(execution)
    })
}

/// What a run wrote about its items: the name of a file's group, and the records in its files.
fn written(host: &Host, results: &Value) -> Vec<(String, Vec<Value>)> {
    let blob = |key: &Value| {
        let path = format!("/v1/buckets/picture-runs/{}", key.as_str().expect("a key"));
        host.admin().get(&path).expect(200).json()
    };
    let manifest = blob(&results["Key"]);
    assert_eq!((&manifest["DestinationBucket"], &results["Bucket"]), (&json!("picture-runs"), &json!("picture-runs")));
    let groups = manifest["ResultFiles"].as_object().expect("groups").iter();
    let records = |files: &Value| {
        let files = files.as_array().expect("files").iter();
        files.flat_map(|file| blob(&file["Key"]).as_array().expect("records").clone()).collect()
    };
    groups.map(|(group, files)| (group.clone(), records(files))).collect()
}

#[test]
fn each_picture_of_a_bucket_is_made_smaller_and_what_is_none_is_passed_over() {
    let host = Launch::platform().start();
    let whole = png(&quarters(640, 320));
    put(&host, "2026/cut.png", whole[..whole.len() / 2].to_vec());
    put(&host, "2026/huge.png", bomb());
    put(&host, "2026/notes.png", b"no picture at all".to_vec());
    put(&host, "2026/small.png", png(&quarters(20, 10)));
    put(&host, "2026/tall.jpg", jpeg(&quarters(300, 900), 1));
    put(&host, "2026/turned.jpg", jpeg(&quarters(600, 300), 6));
    put(&host, "2026/wide.png", whole.clone());
    put(&host, "other.png", whole);
    let ended = run(&host, "run-1", &json!({"prefix": "2026/", "width": 100}));
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");

    let mut bytes = 0;
    for (key, format, size, seen) in [
        ("small.png", ImageFormat::Png, (20, 10), "rgb-"),
        ("tall.jpg", ImageFormat::Jpeg, (100, 300), "rgb-"),
        ("turned.jpg", ImageFormat::Jpeg, (100, 200), "br-g"),
        ("wide.png", ImageFormat::Png, (100, 50), "rgb-"),
    ] {
        let small = host.admin().get(&format!("/v1/buckets/pictures-small/100/2026/{key}")).expect(200);
        bytes += small.body.len();
        let picture = image::load_from_memory_with_format(&small.body, format).expect("a picture");
        assert_eq!(((picture.width(), picture.height()), &*colours(&picture)), (size, seen), "{key}");
    }
    assert_eq!(keys(&host, "pictures-small").len(), 4, "only what the prefix says");

    let output = &ended["output"];
    assert_eq!(
        json!([output["made"], output["skipped"], output["failed"], output["bytes"]]),
        json!([4, 3, 0, bytes]),
        "{output}"
    );
    assert!(output["results"]["Key"].as_str().is_some_and(|key| key.starts_with("run-1/")), "{output}");
    let written = written(&host, &output["results"]);
    let counts: Vec<_> = written.iter().map(|(group, records)| (group.as_str(), records.len())).collect();
    assert_eq!(counts, [("FAILED", 0), ("PENDING", 0), ("SUCCEEDED", 7)]);
    let told: Vec<_> = written[2].1.iter().map(|record| json!([record["of"], record["status"]])).collect();
    let expected = ["cut.png", "huge.png", "notes.png", "small.png", "tall.jpg", "turned.jpg", "wide.png"]
        .map(|name| (format!("2026/{name}"), if "cut huge notes".contains(&name[..3]) { "skipped" } else { "made" }))
        .map(|(of, status)| json!([of, status]));
    assert_eq!(told, expected);
    let why = written[2].1[2]["why"].as_str().expect("a reason");
    assert!(why.starts_with("NotAPicture: "), "{why}");
}

#[test]
fn a_run_over_nothing_counts_nothing_and_one_failure_in_ten_is_borne_but_not_two() {
    let host = Launch::platform().start();
    let counts = |ended: &Value| {
        assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
        json!([ended["output"]["made"], ended["output"]["skipped"], ended["output"]["failed"]])
    };
    assert_eq!(counts(&run(&host, "empty", &json!({}))), json!([0, 0, 0]));

    // A name as long as may be leaves no room for the folder that its smaller picture is put into.
    let long = |letter: &str| letter.repeat(1024);
    let dot = png(&quarters(8, 8));
    for index in 0..9 {
        put(&host, &format!("dot-{index}.png"), dot.clone());
    }
    put(&host, &long("x"), dot.clone());
    let ended = run(&host, "one", &json!({}));
    assert_eq!(counts(&ended), json!([9, 0, 1]));
    assert_eq!(keys(&host, "pictures-small").first().map(String::as_str), Some("400/dot-0.png"), "as wide as not said");
    let written = written(&host, &ended["output"]["results"]);
    let [(failed, records), ..] = &written[..] else { panic!("no groups: {written:?}") };
    assert_eq!((failed.as_str(), records.len()), ("FAILED", 1));
    assert_eq!((&records[0]["Status"], &records[0]["Error"]), (&json!("FAILED"), &json!("BlobError")));
    assert!(records[0]["Input"].as_str().is_some_and(|input| input.contains(&long("x"))), "{}", records[0]);

    put(&host, &long("y"), dot);
    let ended = run(&host, "two", &json!({}));
    let expected = json!(["FAILED", "States.ExceedToleratedFailureThreshold"]);
    assert_eq!(json!([ended["status"], ended["error"]]), expected, "{ended}");
    let files = keys(&host, "picture-runs").into_iter().filter(|key| key.starts_with("two/"));
    let files: Vec<_> = files.filter_map(|key| key.rsplit_once('/').map(|(_, name)| name.to_owned())).collect();
    assert!(files.contains(&"FAILED_0.json".to_owned()) && files.contains(&"manifest.json".to_owned()), "{files:?}");
}
