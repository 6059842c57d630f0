//! The steps of the pattern *saga*: books a flight, a hotel or a car for a trip, and takes it back.
//!
//! A trip needs all three, and no transaction goes across three companies. So a workflow books one after the other, and if one
//! fails, it cancels those before. A cancellation has to work however often it is tried, and also if nothing was ever booked: it
//! says how things are to be, not what is to be done.

use flint_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// What a step asks for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    action: Action,
    what: What,
    trip_id: String,
    /// Lets a booking fail, to see the others taken back.
    #[serde(default)]
    fails: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Book,
    Cancel,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum What {
    Flight,
    Hotel,
    Car,
}

/// A booking: what is answered, and, while it is booked, what is kept.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Booking {
    trip_id: String,
    what: What,
    status: &'static str,
}

/// Answers `{"tripId": …, "what": …, "status": "booked"}`, or `"cancelled"`.
#[flint_sdk::invoke]
async fn travel_booking(step: Step) -> Result<Booking, Failure> {
    let bookings = kv::open("bookings");
    let key = format!("{}/{}", step.trip_id, name(step.what));
    let booking = |status| Booking { trip_id: step.trip_id.clone(), what: step.what, status };
    match step.action {
        Action::Book if step.fails => {
            let message = format!("No {} for the trip {}", name(step.what), step.trip_id);
            Err(Failure::new("BookingFailed", message).never())
        }
        Action::Book => {
            // The same booking again is the same record under the same key.
            let booked = booking("booked");
            bookings.put(&key, &booked).await?;
            Ok(booked)
        }
        Action::Cancel => {
            bookings.delete(&key).await?;
            Ok(booking("cancelled"))
        }
    }
}

fn name(what: What) -> &'static str {
    match what {
        What::Flight => "flight",
        What::Hotel => "hotel",
        What::Car => "car",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_names_a_thing_as_the_json_does() {
        for what in [What::Flight, What::Hotel, What::Car] {
            assert_eq!(json!(what), name(what));
        }
    }

    #[test]
    fn a_step_is_read_and_goes_well_unless_it_says_otherwise() {
        let step = json!({"action": "book", "what": "car", "tripId": "t-1"});
        assert!(serde_json::from_value::<Step>(step).is_ok_and(|step| !step.fails));
        let step = json!({"action": "steal", "what": "car", "tripId": "t-1"});
        assert!(serde_json::from_value::<Step>(step).is_err());
    }
}
