//! Items, batches and files of results.

use super::*;
use crate::definition::Transformation;
use serde_json::json;

fn csv(headers: Option<&[&str]>) -> ItemFormat {
    let headers = headers.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    ItemFormat::Csv { delimiter: b',', headers }
}

fn json_at(pointer: Option<&str>) -> ItemFormat {
    ItemFormat::Json { pointer: pointer.map(str::to_owned) }
}

fn read(content: &[u8], format: &ItemFormat) -> Result<Vec<Value>, String> {
    read_items(content, format).and_then(Iterator::collect).map_err(|trouble| {
        assert_eq!(trouble.error, "States.ItemReaderFailed");
        trouble.cause
    })
}

#[test]
fn items_are_read_from_every_format() {
    let semicolon = ItemFormat::Csv { delimiter: b';', headers: None };
    let cases: [(&str, ItemFormat, Value); 18] = [
        ("a,b\n1,2\n3,4\n", csv(None), json!([{"a": "1", "b": "2"}, {"a": "3", "b": "4"}])),
        ("a;b\r\n1,5;2\r\n", semicolon, json!([{"a": "1,5", "b": "2"}])),
        ("1,2\n", csv(Some(&["x", "y"])), json!([{"x": "1", "y": "2"}])),
        ("a,b\n\"x, \"\"y\"\"\nz\",\"\"\n", csv(None), json!([{"a": "x, \"y\"\nz", "b": ""}])),
        ("b,a\n1\n\n2,3,4\n", csv(None), json!([{"b": "1", "a": ""}, {"b": "2", "a": "3"}])),
        ("\u{feff}ä\nü", csv(None), json!([{"ä": "ü"}])),
        ("a,b\n", csv(None), json!([])),
        ("", csv(None), json!([])),
        ("[1, {\"a\": 2}]", json_at(None), json!([1, {"a": 2}])),
        ("[]", json_at(None), json!([])),
        ("{\"b\": 1, \"a\": [2]}", json_at(None), json!([{"Key": "b", "Value": 1}, {"Key": "a", "Value": [2]}])),
        ("{\"a\": {\"b/c\": [1]}}", json_at(Some("/a/b~1c")), json!([1])),
        ("[[1], [2]]", json_at(Some("/1")), json!([2])),
        ("{}", json_at(Some("")), json!([])),
        ("1\n{\"a\": 2}\r\n\n  \n[3]", ItemFormat::JsonLines, json!([1, {"a": 2}, [3]])),
        ("", ItemFormat::JsonLines, json!([])),
        ("\"a\\nb\"\n", ItemFormat::JsonLines, json!(["a\nb"])),
        ("null\n", ItemFormat::JsonLines, json!([null])),
    ];
    for (content, format, wanted) in cases {
        assert_eq!(read(content.as_bytes(), &format).map(Value::Array), Ok(wanted), "{content}");
    }
}

#[test]
fn what_cannot_be_read_tells_where() {
    let cases: [(&[u8], ItemFormat, &str); 11] = [
        (b"a,b,a\n1,2,3\n", csv(None), "CSV headers cannot contain duplicates."),
        (b"1,2\n", csv(Some(&["a", "a"])), "CSV headers cannot contain duplicates."),
        (b"a\n1\n\xff\n", csv(None), "The row in line 3 is not UTF-8."),
        (b"\xff\n1\n", csv(None), "The row in line 1 is not UTF-8."),
        (b"[1,\n 2,,]", json_at(None), "The object is not JSON: expected value at line 2 column 4."),
        (b"5", json_at(None), "Attempting to map over non-iterable node."),
        (b"{\"a\": \"x\"}", json_at(Some("/a")), "Attempting to map over non-iterable node."),
        (b"{\"a\": []}", json_at(Some("/b")), "The items pointer '/b' finds nothing in the object."),
        (b"1\n\n  {x}\n", ItemFormat::JsonLines, "Line 3 is not JSON: key must be a string at column 4."),
        (b"1\n{\n}", ItemFormat::JsonLines, "Line 2 is not JSON: EOF while parsing an object at column 1."),
        (b"{}", ItemFormat::Manifest, "The items of a manifest are in the files that it names."),
    ];
    for (content, format, wanted) in cases {
        assert_eq!(read(content, &format), Err(wanted.to_owned()), "{}", String::from_utf8_lossy(content));
    }
}

#[test]
fn after_an_error_there_are_no_items() {
    let items = read_items(b"1\nx\n2\n", &ItemFormat::JsonLines).expect("lines are read later");
    assert_eq!(items.map(|item| item.is_ok()).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_manifest_names_files_and_their_columns() {
    let content = json!({
        "sourceBucket": "source", "destinationBucket": "arn:aws:s3:::lists", "version": "2016-11-30", "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size", "files": [{"key": "a.csv.gz", "size": 3, "MD5checksum": "x"}, {"key": "b.csv.gz"}],
    });
    let manifest = read_manifest(content.to_string().as_bytes()).expect("it is a manifest");
    assert_eq!(manifest.bucket, "lists");
    assert_eq!(manifest.keys, ["a.csv.gz", "b.csv.gz"]);
    let items = read(b"\"source\",\"x.txt\",\"5\"\n", &manifest.format());
    assert_eq!(items, Ok(vec![json!({"Bucket": "source", "Key": "x.txt", "Size": "5"})]));
    let cases = [
        ("{", "The object is not an inventory manifest: EOF while parsing an object at line 1 column 1."),
        ("{\n}", "The object is not an inventory manifest: missing field `destinationBucket` at line 2 column 1."),
        (
            r#"{"destinationBucket": "b", "fileFormat": "ORC", "fileSchema": "", "files": []}"#,
            "The inventory's files are ORC: only CSV can be read.",
        ),
    ];
    for (content, wanted) in cases {
        assert_eq!(read_manifest(content.as_bytes()), Err(failed(wanted)), "{content}");
    }
}

#[test]
fn batches_are_as_large_as_the_limits_allow() {
    let items = || [json!(1), json!(22), json!("three"), json!(4)].into_iter().map(Ok);
    let texts = |input: Option<Value>, items_max, bytes_max| -> Vec<String> {
        batches(items(), input, items_max, bytes_max)
            .map(|batch| batch.expect("items are values").to_string())
            .collect()
    };
    assert_eq!(texts(None, None, None), [r#"{"Items":[1,22,"three",4]}"#]);
    assert_eq!(texts(None, Some(3), None), [r#"{"Items":[1,22,"three"]}"#, r#"{"Items":[4]}"#]);
    assert_eq!(texts(None, Some(2), None).len(), 2);
    let input = Some(json!({"a": 1}));
    assert_eq!(
        texts(input.clone(), Some(2), None),
        [r#"{"BatchInput":{"a":1},"Items":[1,22]}"#, r#"{"BatchInput":{"a":1},"Items":["three",4]}"#]
    );
    let fits = r#"{"BatchInput":{"a":1},"Items":[1,22]}"#.len();
    assert_eq!(texts(input.clone(), None, Some(fits))[0].len(), fits);
    assert_eq!(texts(input.clone(), None, Some(fits - 1))[0], r#"{"BatchInput":{"a":1},"Items":[1]}"#);
    assert_eq!(texts(input, None, Some(1)).len(), 4);
    assert_eq!(batches([], None, Some(2), None).count(), 0);
}

#[test]
fn an_item_that_cannot_be_read_ends_the_batches() {
    let items = [Ok(json!(1)), Err(failed("no")), Ok(json!(2))];
    let batches: Vec<_> = batches(items, None, Some(5), None).collect();
    assert_eq!(batches, [Ok(json!({"Items": [1]})), Err(failed("no"))]);
}

/// The iterator counts what was asked of it.
#[test]
fn a_hundred_thousand_items_are_taken_one_batch_at_a_time() {
    let taken = std::cell::Cell::new(0);
    let items = (0..100_000).map(|number| {
        taken.set(taken.get() + 1);
        Ok(json!({"number": number}))
    });
    let mut batches = batches(items, None, Some(100), None);
    assert!(batches.next().is_some());
    assert_eq!(taken.get(), 100);
    assert_eq!(batches.count(), 999);
}

fn record<'a>(input: &'a Value, outcome: Outcome<'a>) -> Record<'a> {
    let details = Details { started: Some(0), stopped: Some(1_500), redrives: 0, is_redrivable: false };
    Record { execution: "arn:e", name: "e", machine: "arn:m", input, outcome, details }
}

fn files(
    records: &[Record],
    transformation: Transformation,
    is_lines: bool,
    bytes_max: usize,
) -> Vec<(String, String)> {
    let mut results = Results::new(Writer { transformation, is_lines, bytes_max });
    let mut files: Vec<_> = records.iter().filter_map(|record| results.add(record)).collect();
    files.extend(results.finish());
    files.into_iter().map(|file| (file.name, String::from_utf8(file.content).expect("it is JSON"))).collect()
}

fn named(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
}

#[test]
fn a_whole_record_is_what_the_developer_guide_shows() {
    let input = json!({"a": 1});
    let failed = Outcome::Failed { error: Some("Boom"), cause: Some("It was full.") };
    let records = [record(&input, Outcome::Succeeded(&input)), record(&input, failed)];
    let wanted = named(&[
        (
            "FAILED_0.json",
            r#"[{"Cause":"It was full.","Error":"Boom","ExecutionArn":"arn:e","Input":"{\"a\":1}","InputDetails":{"Included":true},"Name":"e","RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is FAILED and cannot be redriven","StartDate":"1970-01-01T00:00:00.000Z","StateMachineArn":"arn:m","Status":"FAILED","StopDate":"1970-01-01T00:00:01.500Z"}]"#,
        ),
        (
            "SUCCEEDED_0.json",
            r#"[{"ExecutionArn":"arn:e","Input":"{\"a\":1}","InputDetails":{"Included":true},"Name":"e","Output":"{\"a\":1}","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":"1970-01-01T00:00:00.000Z","StateMachineArn":"arn:m","Status":"SUCCEEDED","StopDate":"1970-01-01T00:00:01.500Z"}]"#,
        ),
    ]);
    assert_eq!(files(&records, Transformation::None, false, usize::MAX), wanted);
}

#[test]
fn outputs_are_written_alone_or_flat_and_as_an_array_or_lines() {
    let [input, list, text] = [json!(0), json!([1, [2]]), json!("a\nb")];
    let records = [record(&input, Outcome::Succeeded(&list)), record(&input, Outcome::Succeeded(&text))];
    let cases = [
        (Transformation::Compact, false, "[[1,[2]],\"a\\nb\"]"),
        (Transformation::Compact, true, "[1,[2]]\n\"a\\nb\"\n"),
        (Transformation::Flatten, false, "[1,[2],\"a\\nb\"]"),
        (Transformation::Flatten, true, "1\n[2]\n\"a\\nb\"\n"),
    ];
    for (transformation, is_lines, content) in cases {
        let wanted = named(&[("SUCCEEDED_0.json", content)]);
        assert_eq!(files(&records, transformation, is_lines, usize::MAX), wanted);
        let value = inline(records, transformation, is_lines);
        assert_eq!(value.as_str().map_or_else(|| value.to_string(), str::to_owned), content);
    }
}

#[test]
fn a_full_file_is_followed_by_another() {
    let input = json!(12345);
    let records = [record(&input, Outcome::Succeeded(&input)); 5];
    let wanted =
        [("SUCCEEDED_0.json", "[12345,12345]"), ("SUCCEEDED_1.json", "[12345,12345]"), ("SUCCEEDED_2.json", "[12345]")];
    assert_eq!(files(&records, Transformation::Compact, false, 10), named(&wanted));
}

#[test]
fn every_outcome_has_its_group() {
    let input = json!(1);
    let (error, cause) = (None, None);
    let cases = [
        (Outcome::Pending, "PENDING", "PENDING"),
        (Outcome::Aborted { error, cause }, "FAILED", "ABORTED"),
        (Outcome::TimedOut { error, cause }, "FAILED", "TIMED_OUT"),
    ];
    for (outcome, group, status) in cases {
        let files = files(&[record(&input, outcome)], Transformation::Flatten, true, usize::MAX);
        assert_eq!(files[0].0, format!("{group}_0.json"));
        assert!(files[0].1.contains(&format!("\"Status\":\"{status}\"")), "{files:?}");
    }
}

#[test]
fn the_manifest_names_the_files_of_each_group() {
    let key = "jobs/1/SUCCEEDED_0.json".to_owned();
    let written = [Written { group: Group::Succeeded, key, size: 17 }];
    let wanted = r#"{"DestinationBucket":"b","MapRunArn":"arn:r","ResultFiles":{"FAILED":[],"PENDING":[],"SUCCEEDED":[{"Key":"jobs/1/SUCCEEDED_0.json","Size":17}]}}"#;
    assert_eq!(manifest("b", "arn:r", &written), wanted.as_bytes());
    let wanted = json!({"MapRunArn": "arn:r", "ResultWriterDetails": {"Bucket": "b", "Key": "jobs/1/manifest.json"}});
    assert_eq!(output("arn:r", "b", "jobs/1/manifest.json"), wanted);
}
