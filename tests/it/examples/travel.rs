//! The saga of a trip: all three are booked, or what was booked before one failed is cancelled.

use crate::harness::{Host, Launch, eventually, flint, root};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

/// Asks for a trip, and waits until it is booked or not.
fn trip(host: &Host, name: &str, input: &Value) -> Value {
    host.flint(["workflow", "start", "travel", "--name", name, "--input", &input.to_string()]).ok();
    eventually("the trip to end", || {
        let execution = host.flint(["workflow", "describe", "travel", name, "--json"]).ok().json();
        (execution["status"] != "RUNNING").then_some(execution)
    })
}

/// What is booked for a trip.
fn booked(host: &Host, id: &str) -> Vec<String> {
    let page = host.admin().get(&format!("/v1/kv/bookings?prefix={id}/")).expect(200).json();
    let items = page["items"].as_array().expect("items").iter();
    items.map(|item| item["key"].as_str().expect("a key").trim_start_matches(&format!("{id}/")).to_owned()).collect()
}

/// What the function was asked and answered, in order: `flight booked`, or the name of its error.
fn happened(history: &Value) -> Vec<String> {
    let told = |event: &Value| {
        let output = &event["lambdaFunctionSucceededEventDetails"]["output"];
        let error = &event["lambdaFunctionFailedEventDetails"]["error"];
        match output.as_str().map(|output| serde_json::from_str::<Value>(output).expect("JSON")) {
            Some(answer) => Some(format!("{} {}", answer["what"].as_str()?, answer["status"].as_str()?)),
            None => error.as_str().map(str::to_owned),
        }
    };
    history.as_array().expect("events").iter().filter_map(told).collect()
}

#[test]
fn a_trip_is_booked_whole_or_what_was_booked_is_cancelled_the_last_first() {
    let host = Launch::platform().start();
    let cases: [(&str, Value, &[&str]); 4] = [
        ("nothing", json!(["SUCCEEDED", null, null]), &["flight booked", "hotel booked", "car booked"]),
        (
            "car",
            json!(["FAILED", "CarNotBooked", "No car for the trip to-car"]),
            &["flight booked", "hotel booked", "BookingFailed", "hotel cancelled", "flight cancelled"],
        ),
        (
            "hotel",
            json!(["FAILED", "HotelNotBooked", "No hotel for the trip to-hotel"]),
            &["flight booked", "BookingFailed", "flight cancelled"],
        ),
        ("flight", json!(["FAILED", "FlightNotBooked", "No flight for the trip to-flight"]), &["BookingFailed"]),
    ];
    for (fails, expected, steps) in cases {
        let id = format!("to-{fails}");
        let ended = trip(&host, &id, &json!({"tripId": id, "fails": fails}));
        assert_eq!(json!([ended["status"], ended["error"], ended["cause"]]), expected, "{ended}");
        let history = host.flint(["workflow", "history", "travel", &id, "--json"]).ok().json();
        assert_eq!(happened(&history["events"]), steps, "{fails}");
        let left: &[&str] = if fails == "nothing" { &["car", "flight", "hotel"] } else { &[] };
        assert_eq!(booked(&host, &id), left, "{fails}");
        if fails == "nothing" {
            let booking = |what| json!({"tripId": id, "what": what, "status": "booked"});
            let bookings = ["flight", "hotel", "car"].map(booking);
            assert_eq!(ended["output"], json!({"tripId": id, "status": "booked", "bookings": bookings}));
        }
    }
    let ended = trip(&host, "nowhere", &json!({}));
    assert_eq!(json!([ended["status"], ended["error"]]), json!(["FAILED", "InvalidTrip"]), "{ended}");
}

/// Tries the definition with mocks; waits are skipped.
fn tried(mocks: &Value) -> Value {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("mocks.json");
    let mut all = json!({"travelBooking": {"echo": true}});
    all.as_object_mut().expect("an object").extend(mocks.as_object().expect("an object").clone());
    fs::write(&file, all.to_string()).expect("written");
    let definition = "functions/travel-booking/travel.asl.json";
    let input = json!({"tripId": "t-1"}).to_string();
    let mocks = file.to_str().expect("UTF-8");
    let args = ["workflow", "run", definition, "--input", &input, "--mock", mocks, "--skip-waits", "--json"];
    flint(&root(), args).ok().json()
}

/// The states that call the function, each as often as it did.
fn called(tried: &Value) -> String {
    let events = tried["history"].as_array().expect("events");
    let mut state = "";
    let mut called = Vec::new();
    for event in events {
        state = event["stateEnteredEventDetails"]["name"].as_str().unwrap_or(state);
        called.extend((event["type"] == "LambdaFunctionScheduled").then_some(state));
    }
    called.join(" ")
}

#[test]
fn a_cancellation_is_tried_until_it_works_and_what_nobody_knows_of_is_cancelled_too() {
    let (busy, well) = (json!({"error": "KvError", "cause": "busy"}), json!({"echo": true}));
    let no = json!({"error": "BookingFailed", "cause": "No hotel"});
    let lost = json!({"error": "States.TaskFailed", "cause": "nobody knows"});
    for (mocks, calls, error) in [
        (json!({"BookHotel": [busy, well]}), "BookFlight BookHotel BookHotel BookCar", Value::Null),
        (
            json!({"BookHotel": no, "CancelFlight": [busy, busy, busy, well]}),
            "BookFlight BookHotel CancelFlight CancelFlight CancelFlight CancelFlight",
            json!("HotelNotBooked"),
        ),
        (
            json!({"BookCar": lost}),
            "BookFlight BookHotel BookCar BookCar BookCar BookCar CancelCar CancelHotel CancelFlight",
            json!("CarNotBooked"),
        ),
        (
            json!({"BookFlight": lost}),
            "BookFlight BookFlight BookFlight BookFlight CancelFlight",
            json!("FlightNotBooked"),
        ),
        (
            json!({"BookHotel": [busy, lost, no], "CancelFlight": [lost, well]}),
            "BookFlight BookHotel BookHotel BookHotel CancelFlight CancelFlight",
            json!("HotelNotBooked"),
        ),
    ] {
        let tried = tried(&mocks);
        assert_eq!((called(&tried).as_str(), &tried["error"]), (calls, &error), "{mocks}");
    }
}
