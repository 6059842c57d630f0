//! Workflows, and what starts their executions.

use super::Fixture;
use crate::platform::{Handler, Input, Kind, Methods, Source, TableKey, Target};
use flint_model::QueueName;
use http::Method;

const WORKFLOWS: &str = "[workflow.order]\ndefinition = \"order.asl.json\"\n\
    [workflow.quick]\ndefinition = \"quick.asl.json\"\ntype = \"express\"\n";

/// The platform of these sections beside two workflows.
fn accept(text: &str) -> crate::Platform {
    Fixture::new().accept(&format!("{text}\n{WORKFLOWS}"))
}

#[test]
fn a_workflow_is_a_standard_one_unless_it_says_so() {
    let platform = accept("");
    let kind = |name: &str| platform.workflows[name].kind;
    assert_eq!((kind("order"), kind("quick")), (Kind::Standard, Kind::Express));
}

#[test]
fn a_route_to_a_workflow_takes_post_unless_it_says_otherwise() {
    let platform = accept(
        "[[route]]\npath = \"/a\"\nworkflow = \"order\"\nidempotency = { required = true }\n\
         [[route]]\npath = \"/b\"\nworkflow = \"quick\"\nmethod = \"GET\"\ninput = \"request\"\nidempotency = { kept = \"1h\" }\n",
    );
    let [one, other] = &platform.routes[..] else { panic!("two routes") };
    let Target::Workflow(name, Input::Body) = &one.target else { panic!("a workflow: {one:?}") };
    assert_eq!((name.as_str(), one.target.function()), ("order", None));
    assert_eq!(one.methods, Methods::Only(vec![Method::POST]));
    assert!(one.idempotency.is_some_and(|keys| keys.required));
    assert!(matches!(&other.target, Target::Workflow(name, Input::Request) if name.as_str() == "quick"));
    assert_eq!(other.methods, Methods::Only(vec![Method::GET]));
}

#[test]
fn a_trigger_of_a_workflow_has_a_queue_that_no_function_shares() {
    let platform = accept(
        "[function.order]\nsource = \"crate\"\n[function.listener]\nsource = \"crate\"\n\
         [queue.jobs]\n[topic.events]\n[kv.orders]\n[bucket.uploads]\n\
         [[trigger]]\nqueue = \"jobs\"\nworkflow = \"order\"\n\
         [[trigger]]\ntopic = \"events\"\nworkflow = \"order\"\nfilter = { type = [\"a\"] }\nmax-receives = 3\n\
         [[trigger]]\nkv = \"orders\"\nworkflow = \"order\"\nevents = \"insert\"\n\
         [[trigger]]\nbucket = \"uploads\"\nworkflow = \"order\"\nsuffix = \".png\"\n\
         [[trigger]]\ntopic = \"events\"\nfunction = \"listener\"\n",
    );
    let queues: Vec<_> = platform.triggers.iter().map(|trigger| trigger.queue.as_str()).collect();
    let kept = ["topic/events", "kv/orders", "bucket/uploads"].map(|source| format!("workflow/order/{source}"));
    assert_eq!(queues[0], "jobs");
    assert_eq!(queues[1..4], kept);
    assert_eq!(queues[4], "topic/events/listener");
    for queue in &kept {
        let dead = format!("{queue}/dead");
        assert_eq!(platform.queues[queue.as_str()].dead_letter.as_ref().map(QueueName::as_str), Some(dead.as_str()));
        assert!(platform.queues.contains_key(dead.as_str()), "{dead}");
    }
    let topic = &platform.triggers[1];
    assert!(matches!(&topic.handler, Handler::Workflow(name) if name.as_str() == "order"));
    assert!(matches!(&topic.source, Source::Topic(_)) && topic.filter.is_some());
    assert_eq!(platform.queues["workflow/order/topic/events"].max_receives, 3);
    assert!(platform.queues["workflow/order/kv/orders"].is_fifo);
}

#[test]
fn a_schedule_of_a_workflow_has_the_queue_of_any_schedule() {
    let platform = accept("[schedule.nightly]\nwhen = \"@daily\"\nworkflow = \"order\"\npayload = '{\"all\": true}'\n");
    let nightly = &platform.schedules["nightly"];
    assert!(matches!(&nightly.handler, Handler::Workflow(name) if name.as_str() == "order"));
    assert!(nightly.transactional && platform.queues.contains_key("schedule/nightly/dead"));
}

#[test]
fn a_store_may_say_which_attributes_are_a_key() {
    let platform = accept("[kv.plain]\n[kv.one]\nkey = \"id\"\n[kv.two]\nkey = [\"pk\", \"sk\"]\n");
    let key = |partition: &str, sort: Option<&str>| {
        Some(TableKey { partition: partition.to_owned(), sort: sort.map(str::to_owned) })
    };
    let keys = ["plain", "one", "two"].map(|store| platform.kv[store].key.clone());
    assert_eq!(keys, [None, key("id", None), key("pk", Some("sk"))]);
}
