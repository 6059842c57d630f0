//! Distributed Maps: items out of objects, in batches, and results as files; what failed is done again by a redrive.

use super::ended;
use super::services::platform;
use crate::harness::guest::function;
use crate::harness::{Host, Launch};
use serde_json::{Value, json};
use std::fs;

/// A workflow of one distributed Map, with a bucket and the function `relay`.
fn maps(more: Value, processor: &Value) -> Launch {
    let mut each = json!({"Type": "Map", "End": true, "ItemProcessor": processor});
    each["ItemProcessor"]["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"});
    each.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let steps = json!({"StartAt": "Each", "States": {"Each": each}});
    let sections = function("relay", "grants = { invoke = {} }\n") + "[bucket.files]\n[kv.doors]\nkey = \"id\"\n";
    platform(&sections, &[("steps", steps)])
}

fn run(host: &Host, name: &str, input: &Value) -> Value {
    host.flint(["workflow", "start", "steps", "--name", name, "--input", &input.to_string()]).ok();
    ended(host, name)
}

fn put(host: &Host, key: &str, content: &str) {
    fs::write(host.folder().join("content"), content).expect("written");
    host.flint(["blob", "put", "files", key, "content"]).ok();
}

fn blob(host: &Host, key: &str) -> Value {
    host.flint(["blob", "get", "files", key, "--out", "got"]).ok();
    serde_json::from_slice(&fs::read(host.folder().join("got")).expect("the file")).expect("JSON")
}

/// A reader of the object that the input names.
fn reader(config: &Value) -> Value {
    json!({"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": config,
        "Parameters": {"Bucket": "files", "Key.$": "$.key"}})
}

/// Has `relay` do what an item says, and passes the item on.
fn does() -> Value {
    let relay = json!({"Type": "Task", "Resource": "relay", "ResultPath": null, "End": true});
    json!({"StartAt": "Do", "States": {"Do": relay}})
}

#[test]
fn rows_of_a_file_are_done_in_batches_and_the_results_are_files() {
    let batch = json!({"StartAt": "All", "States": {"All": {"Type": "Map", "ItemsPath": "$.Items", "End": true,
        "ItemProcessor": does()}}});
    let host = maps(
        json!({
            "ItemReader": reader(&json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"})),
            "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"by.$": "$.by"}},
            "ToleratedFailurePercentage": 50, "MaxConcurrency": 3,
            "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject",
                "Parameters": {"Bucket": "files", "Prefix": "out"}},
        }),
        &batch,
    )
    .start();
    let row = |id: usize| format!("{id},{}\n", if id == 4 { "fail" } else { "answer" });
    put(&host, "in.csv", &format!("id,do\n{}", (1..=7).map(row).collect::<String>()));
    let ended = run(&host, "one", &json!({"key": "in.csv", "by": "Ada"}));
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    let details = &ended["output"]["ResultWriterDetails"];
    assert_eq!(details["Bucket"], "files");
    let key = details["Key"].as_str().expect("a key");
    assert!(key.starts_with("out/") && key.ends_with("/manifest.json"), "{key}");
    let manifest = blob(&host, key);
    assert_eq!(
        (&manifest["DestinationBucket"], &manifest["MapRunArn"]),
        (&json!("files"), &ended["output"]["MapRunArn"])
    );
    let results = |group: &str| -> Vec<Value> {
        let files = manifest["ResultFiles"][group].as_array().expect("files");
        files
            .iter()
            .flat_map(|file| blob(&host, file["Key"].as_str().expect("a key")).as_array().cloned())
            .flatten()
            .collect()
    };
    let item = |id: usize| json!({"id": id.to_string(), "do": if id == 4 { "fail" } else { "answer" }});
    let read = |of: &Value| -> Value { serde_json::from_str(of.as_str().expect("a text")).expect("JSON") };
    let outputs: Vec<_> = results("SUCCEEDED").iter().map(|result| read(&result["Output"])).collect();
    assert_eq!(outputs, [json!([item(1), item(2)]), json!([item(5), item(6)]), json!([item(7)])]);
    let failed = results("FAILED");
    assert_eq!((failed.len(), &failed[0]["Error"]), (1, &json!("AsAsked")), "{failed:?}");
    assert_eq!(read(&failed[0]["Input"]), json!({"BatchInput": {"by": "Ada"}, "Items": [item(3), item(4)]}));
    assert_eq!(manifest["ResultFiles"]["PENDING"], json!([]));
}

#[test]
fn items_of_a_json_object_fail_the_state_when_more_of_them_fail_than_may() {
    let host = maps(
        json!({"ItemReader": reader(&json!({"InputType": "JSON"})), "ToleratedFailureCount": 1, "MaxConcurrency": 1}),
        &does(),
    )
    .start();
    put(&host, "some.json", r#"[{"do": "answer", "n": 1}, {"do": "fail"}, {"do": "answer", "n": 3}]"#);
    let well = run(&host, "some", &json!({"key": "some.json"}));
    assert_eq!(well["status"], "SUCCEEDED", "{well}");
    assert_eq!(well["output"][0], json!({"do": "answer", "n": 1}));
    assert_eq!((&well["output"][1]["Error"], &well["output"][2]["n"]), (&json!("AsAsked"), &json!(3)), "{well}");

    put(&host, "many.json", r#"[{"do": "fail"}, {"do": "trap"}, {"do": "answer"}]"#);
    for (name, key, error) in [
        ("many", "many.json", "States.ExceedToleratedFailureThreshold"),
        ("none", "none.json", "States.ItemReaderFailed"),
    ] {
        let failed = run(&host, name, &json!({ "key": key }));
        assert_eq!(json!([failed["status"], failed["error"]]), json!(["FAILED", error]), "{failed}");
    }
}

#[test]
fn a_redrive_runs_the_items_that_failed_or_never_began_and_no_other() {
    // It fails unless the door is open, and counts how often it went through.
    let through = json!({"StartAt": "Through", "States": {"Through": {"Type": "Task", "End": true, "OutputPath": "$.Attributes",
        "Resource": "arn:aws:states:::dynamodb:updateItem", "Parameters": {
            "TableName": "doors", "Key": {"id": {"S.$": "$"}}, "ReturnValues": "UPDATED_NEW",
            "UpdateExpression": "ADD times :one", "ConditionExpression": "attribute_exists(isOpen)",
            "ExpressionAttributeValues": {":one": {"N": "1"}}}}}});
    let host = maps(json!({"ToleratedFailureCount": 1, "MaxConcurrency": 1}), &through).start();
    let open = |door: &str| host.flint(["kv", "put", "doors", door, "{\"isOpen\": true}"]).ok();
    for door in ["a", "c", "e"] {
        open(door);
    }
    let failed = run(&host, "one", &json!(["a", "b", "c", "d", "e", "f"]));
    let error = "States.ExceedToleratedFailureThreshold";
    assert_eq!(json!([failed["status"], failed["error"]]), json!(["FAILED", error]), "{failed}");
    for door in ["b", "d", "f"] {
        open(door);
    }
    host.flint(["workflow", "redrive", "steps", "one"]).ok();
    let host = host.kill_and_restart();
    let well = ended(&host, "one");
    let once = json!({"times": {"N": "1"}});
    assert_eq!(json!([well["status"], well["redrives"]]), json!(["SUCCEEDED", 1]), "{well}");
    assert_eq!(well["output"], json!([once, once, once, once, once, once]));
    let told = host.flint(["workflow", "history", "steps", "one", "--json"]).ok().json();
    let redriven = told["events"].as_array().expect("events").iter().find(|event| event["type"] == "MapRunRedriven");
    let details = &redriven.expect("it was redriven")["mapRunRedrivenEventDetails"];
    assert_eq!(details["redriveCount"], 1);
    let arn = details["mapRunArn"].as_str().expect("an ARN");
    assert!(arn.contains(":mapRun:steps/Each:"), "{arn}");
}
