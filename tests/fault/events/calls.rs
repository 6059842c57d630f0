//! Invocations that nobody waits for: each that was accepted is told to have succeeded, once.

use super::book::{Told, open};
use super::look::{self, body};
use super::{Site, Work, brief};
use crate::it::harness::Host;
use http::Method;
use std::collections::BTreeMap;
use std::sync::Mutex;

#[derive(Default)]
pub(super) struct Calls(Mutex<Book>);

#[derive(Default)]
struct Book {
    told: Told<String>,
    /// Payloads, by the id that their call was accepted with.
    ids: BTreeMap<String, String>,
}

impl Work for Calls {
    fn sections(&self) -> String {
        let lines = "async-retries = 40\nasync-retry-delay = \"10ms\"\nasync-on-success = \"queue:told\"\n";
        brief("event", lines) + "[queue.told]\n"
    }

    fn workers(&self) -> usize {
        2
    }

    fn work(&self, site: &Site, worker: usize, round: usize) {
        for number in 0.. {
            let payload = format!("call-{worker}-{round}-{number}");
            let path = "/v1/functions/event/invoke?async";
            let answer = site.admin.try_send(Method::POST, path, &[], payload.clone());
            let mut book = open(&self.0);
            book.told.add([payload.clone()], &answer);
            let Ok(answer) = answer else { return };
            let id = answer.expect(202).json()["invocation"].as_str().expect("an id").to_owned();
            book.ids.insert(id, payload);
            drop(book);
            site.acknowledged();
        }
    }

    fn queues(&self) -> &[&str] {
        // A report is sent with the end of its invocation, and passed on by itself.
        &["invoke%2Fevent", "invoke%2Fevent%2Freports"]
    }

    fn check(&self, host: &Host) -> String {
        let book = open(&self.0);
        let reports: Vec<_> = look::messages(host, "told").iter().map(body).collect();
        let answers = reports.iter().map(|report| {
            assert_eq!(report["status"], "succeeded", "{report}");
            let (id, answer) = (report["invocation"].as_str().expect("an id"), report["answer"].as_str());
            let answer = answer.expect("an answer").to_owned();
            assert!(book.ids.get(id).is_none_or(|payload| *payload == answer), "{report}");
            answer
        });
        let told = book.told.check_once("told", answers, |_| true);
        for id in book.ids.keys().step_by(50) {
            let status = host.admin().get(&format!("/v1/invocations/{id}")).expect(200).json();
            assert_eq!(status["status"], "succeeded", "{status}");
        }
        format!("{} calls succeeded", told.len())
    }
}
