//! What a valid configuration comes to.

use super::Fixture;
use crate::platform::{
    BlobEvents, Bucket, Build, ChangeEvents, Destination, FunctionSource, HostLimits, HostOutbound, Idempotency,
    Isolation, KvStore, Listener, Methods, Overlap, Queue, Rate, RateKey, Source, Start, Target, Topic,
};
use flint_model::filter::KeyFilter;
use flint_model::schedule::{GRACE_DEFAULT, Missed};
use flint_model::{Access, BucketName, ByteSize, Capability, FunctionName, QueueName, TopicName};
use http::Method;
use std::time::Duration;

const FULL: &str = r#"
data-dir = "data"

[listener]
http = "0.0.0.0:80"
admin = "[::1]:9090"
https = "0.0.0.0:443"
certificate = "key.pem"
key = "key.pem"
trusted-proxies = ["10.0.0.0/8", "::1"]

[limits]
memory-max = "4GiB"
invocations-max = 9
drain-timeout = "0s"

[outbound]
ca = "key.pem"
connect-timeout = "1s"
idle-max = 0

[function.hello]
source = "plain"
build = "make"
artifact = "out/hello.wasm"
memory = "4GiB"
timeout = "1m"
first-byte-timeout = "2s"
concurrency = 7
isolation = "shared"
uses = 10
version-header = true
http-body-max = "1GiB"
environment = { GREETING = "${GREETING}, ${NAME:-world}" }
config = { "a.b" = "c" }
grants = { kv = { links = "read-write", stats = "read" } }
outbound = ["api.example.com", "*.example.com:8443"]
outbound-internal = ["10.0.0.0/8", "fd00::/8"]
outbound-calls-max = 5
outbound-size-max = "1KiB"
outbound-timeout = "2s"
outbound-concurrency = 6

[function.old]
source = "app.wasm"
isolation = "serial"

[[route]]
path = "/links/{code}"
function = "hello"

[[route]]
path = "/links/new"
method = ["GET", "POST"]
host = "*.example.com"
function = "old"
idempotency = { kept = "1h" }

[[route]]
path = "/static/{*file}"
files = "plain"
compress = true
rate = { requests = 10, per = "1m", key = "header:X-Key" }

[route.cors]
origins = ["https://A.example", "http://localhost:3000"]
headers = "*"
expose = "X-Sum"
credentials = true
max-age = "1h"

[kv.links]
key-size-max = "2KiB"

[kv.stats]
"#;

#[test]
fn every_key_reaches_the_platform() {
    let fixture = Fixture::new();
    let (folder, platform) = (fixture.folder.path(), fixture.accept(FULL));
    assert_eq!(platform.data_dir, folder.join("data"));
    assert_eq!((platform.listener.http.port(), platform.listener.admin.port()), (80, 9090));
    let https = platform.listener.https.as_ref().expect("an address");
    assert_eq!((https.address.port(), https.certificate.clone()), (443, folder.join("key.pem")));
    let networks: Vec<_> = platform.listener.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "::1/128"]);
    let expected = HostLimits { invocations_max: 9, drain_timeout: Duration::ZERO, ..HostLimits::default() };
    assert_eq!(platform.limits, expected);

    let hello = &platform.functions["hello"];
    let build = Build { command: "make".to_owned(), artifact: folder.join("plain/out/hello.wasm") };
    assert_eq!(hello.source, FunctionSource::Folder { path: folder.join("plain"), build: Some(build) });
    assert_eq!((hello.memory, hello.timeout), (ByteSize::gib(4), Duration::from_secs(60)));
    assert_eq!(hello.first_byte_timeout, Some(Duration::from_secs(2)));
    assert_eq!((hello.concurrency, hello.isolation), (7, Isolation::Shared { uses: 10 }));
    assert_eq!(
        (hello.reserved(), platform.functions["old"].reserved()),
        (Some(7), None),
        "what is written is reserved"
    );
    assert_eq!(hello.http_body_max, Some(ByteSize::gib(1)));
    assert!(hello.version_header && !platform.functions["old"].version_header);
    assert_eq!(hello.environment["GREETING"], "hello, world");
    assert_eq!(hello.config["a.b"], "c");
    assert!(hello.grants.allows(Capability::Kv, "links", Access::ReadWrite));
    assert!(!hello.grants.allows(Capability::Kv, "stats", Access::ReadWrite));
    let hosts: Vec<_> = hello.outbound.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["api.example.com", "*.example.com:8443"]);

    let networks: Vec<_> = hello.outbound_internal.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "fd00::/8"]);
    assert_eq!((hello.outbound_calls_max, hello.outbound_size_max), (5, ByteSize::kib(1)));
    assert_eq!((hello.outbound_timeout, hello.outbound_concurrency), (Duration::from_secs(2), 6));
    let ca = Some((folder.join("key.pem"), b"-----KEY-----\n".to_vec()));
    let expected = HostOutbound { ca, connect_timeout: Duration::from_secs(1), idle_max: 0, ..HostOutbound::default() };
    assert_eq!(platform.outbound, expected);

    let old = &platform.functions["old"];
    assert_eq!(old.source, FunctionSource::Component(folder.join("app.wasm")));
    assert_eq!((old.isolation, old.http_body_max), (Isolation::Serial { uses: 1000 }, None));

    let paths: Vec<_> = platform.routes.iter().map(|route| route.path.as_str()).collect();
    assert_eq!(paths, ["/links/new", "/links/{code}", "/static/{*file}"], "more specific routes come first");
    assert_eq!(platform.routes[0].methods, Methods::Only(vec![Method::GET, Method::POST]));
    assert_eq!(platform.routes[0].cors, None);
    let files = &platform.routes[2];
    assert_eq!(files.target, Target::Files(folder.join("plain")));
    assert_eq!((&files.methods, files.compress), (&Methods::Only(vec![Method::GET]), true));
    let key = RateKey::Header("x-key".parse().expect("a name"));
    assert_eq!(files.rate, Some(Rate { requests: 10, per: Duration::from_secs(60), burst: 10, key }));
    let kept = Duration::from_secs(3600);
    let idempotency = Idempotency { kept, answer_size_max: ByteSize::mib(1), required: false };
    assert_eq!((platform.routes[0].idempotency, files.idempotency), (Some(idempotency), None));
    let cors = files.cors.as_ref().expect("a table");
    assert_eq!(cors.origins.as_deref().expect("some"), ["https://a.example", "http://localhost:3000"]);
    assert_eq!((&cors.headers, cors.credentials, cors.max_age), (&None, true, Duration::from_secs(3600)));
    assert_eq!((cors.expose.len(), &cors.methods), (1, &vec![Method::GET]));
    assert_eq!(platform.kv["links"], KvStore { key_size_max: ByteSize::kib(2), ..KvStore::default() });
}

#[test]
fn a_queue_has_a_dead_letter_queue_of_its_own_kind_unless_it_is_one() {
    let text = "[queue.jobs]\nmax-receives = 3\n[queue.orders]\norder = \"fifo\"\ndead-letter = \"failed\"\n\
                [queue.failed]\norder = \"fifo\"\n[queue.quick]\norder = \"fifo\"\n";
    let platform = Fixture::new().accept(text);
    let names: Vec<_> = platform.queues.keys().map(QueueName::as_str).collect();
    assert_eq!(names, ["failed", "jobs", "jobs/dead", "orders", "quick", "quick/dead"]);
    let dead_letter = |name: &str| platform.queues[name].dead_letter.as_ref().map(QueueName::as_str);
    assert_eq!([dead_letter("jobs"), dead_letter("orders")], [Some("jobs/dead"), Some("failed")]);
    assert_eq!([dead_letter("jobs/dead"), dead_letter("failed")], [None, None]);
    assert!(platform.queues["quick/dead"].is_fifo && !platform.queues["jobs/dead"].is_fifo);
    assert_eq!(platform.queues["jobs"], Queue { max_receives: 3, ..platform.queues["jobs"].clone() });
}

#[test]
fn a_bucket_has_limits_and_is_granted() {
    let text = "[listener]\npublic-url = \"https://example.com/\"\n[function.worker]\nsource = \"crate\"\n\
                grants = { blob = { uploads = \"read-write\", public = \"read\" } }\n[bucket.uploads]\nblob-size-max = \"1MiB\"\n\
                [bucket.public]\n";
    let platform = Fixture::new().accept(text);
    let allows = |name, access| platform.functions["worker"].grants.allows(Capability::Blob, name, access);
    assert_eq!([allows("uploads", Access::ReadWrite), allows("public", Access::ReadWrite)], [true, false]);
    assert!(allows("public", Access::Read));
    assert_eq!(platform.buckets["uploads"], Bucket { blob_size_max: ByteSize::mib(1), ..Bucket::default() });
    assert_eq!(platform.listener.public_url.as_deref(), Some("https://example.com"));
}

#[test]
fn a_trigger_leads_messages_to_a_function() {
    let text = "[function.worker]\nsource = \"crate\"\ngrants = { queue = { jobs = \"send\" } }\n[queue.jobs]\n\
                [[trigger]]\nqueue = \"jobs\"\nfunction = \"worker\"\nbatch-window = \"2s\"\n\
                filter = { kind = [\"a\", { prefix = \"b\" }], size = [{ numeric = [\">=\", 1_000, \"<\", 2.5e3] }] }\n\
                [[trigger]]\nqueue = \"jobs/dead\"\nfunction = \"worker\"\ntransactional = false\n";
    let platform = Fixture::new().accept(text);
    assert!(platform.functions["worker"].grants.allows(Capability::Queue, "jobs", Access::Send));
    let [jobs, dead] = &platform.triggers[..] else { panic!("two triggers") };
    assert_eq!((jobs.queue.as_str(), jobs.batch_size, jobs.transactional), ("jobs", 10, true));
    assert_eq!((dead.queue.as_str(), dead.filter.is_none(), dead.transactional), ("jobs/dead", true, false));
    let filter = jobs.filter.as_ref().expect("a filter");
    let passes = |kind, size| filter.matches(|name| if name == "kind" { Some(kind) } else { Some(size) });
    assert_eq!(
        [passes("a", "1000"), passes("bc", "2499"), passes("c", "1000"), passes("a", "2500")],
        [true, true, false, false]
    );
}

#[test]
fn a_schedule_has_a_queue_of_its_own_for_its_ticks_and_one_for_those_that_are_given_up() {
    let text = "[function.ticked]\nsource = \"crate\"\n\
                [schedule.nightly]\nwhen = \"30 3 * * *\"\nzone = \"Europe/Berlin\"\nfunction = \"ticked\"\n\
                missed = \"skip\"\noverlap = \"allow\"\nconcurrency = 3\nmax-receives = 2\nwaiting-max = 7\n\
                [schedule.often]\nwhen = \"rate(5 minutes)\"\nfunction = \"ticked\"\npayload = \"{}\"\n";
    let platform = Fixture::new().accept(text);
    let (nightly, often) = (&platform.schedules["nightly"], &platform.schedules["often"]);
    assert_eq!((nightly.missed, nightly.overlap), (Missed::Skip, Overlap::Allow { concurrency: 3 }));
    assert_eq!((often.missed, often.overlap, often.payload.as_str()), (Missed::RunOnce, Overlap::Queue, "{}"));
    assert_eq!((often.grace, often.transactional), (GRACE_DEFAULT, true));
    let names: Vec<_> = platform.queues.keys().map(QueueName::as_str).skip(2).collect();
    assert_eq!(names, ["schedule/nightly", "schedule/nightly/dead", "schedule/often", "schedule/often/dead"]);
    let ticks = &platform.queues["schedule/nightly"];
    assert_eq!((ticks.max_receives, ticks.length_max), (2, 7));
    assert_eq!(ticks.dead_letter.as_ref().map(QueueName::as_str), Some("schedule/nightly/dead"));
}

#[test]
fn a_trigger_of_a_topic_has_a_queue_of_its_own() {
    let text = "[function.listener]\nsource = \"crate\"\ngrants = { topic = { orders = \"publish\" } }\n\
                [topic.orders]\nmessage-size-max = \"8KiB\"\n[queue.log]\n\
                [[trigger]]\ntopic = \"orders\"\nfunction = \"listener\"\nmax-receives = 2\nfilter = { type = [\"a\"] }\n\
                [[subscription]]\ntopic = \"orders\"\nqueue = \"log\"\n\
                [[trigger]]\nqueue = \"topic/orders/listener/dead\"\nfunction = \"worker\"\n\
                [function.worker]\nsource = \"crate\"\n";
    let platform = Fixture::new().accept(text);
    assert!(platform.functions["listener"].grants.allows(Capability::Topic, "orders", Access::Send));
    assert_eq!(platform.topics["orders"], Topic { message_size_max: ByteSize::kib(8), ..Topic::default() });
    let names = platform.queues.keys().map(QueueName::as_str).filter(|name| !name.starts_with("invoke/"));
    assert_eq!(names.collect::<Vec<_>>(), ["log", "log/dead", "topic/orders/listener", "topic/orders/listener/dead"]);
    let (queue, dead) = (&platform.queues["topic/orders/listener"], &platform.queues["topic/orders/listener/dead"]);
    assert_eq!((queue.is_fifo, queue.max_receives, queue.length_max), (false, 2, 100_000_000));
    assert_eq!(queue.dead_letter.as_ref().map(QueueName::as_str), Some("topic/orders/listener/dead"));
    assert_eq!(dead.dead_letter, None);
    let [trigger, _] = &platform.triggers[..] else { panic!("two triggers") };
    assert!(matches!(&trigger.source, Source::Topic(topic) if topic.as_str() == "orders"));
    assert_eq!((trigger.queue.as_str(), trigger.filter.is_some()), ("topic/orders/listener", true));
    let [subscription] = &platform.subscriptions[..] else { panic!("one subscription") };
    assert_eq!((subscription.topic.as_str(), subscription.queue.as_str()), ("orders", "log"));
}

#[test]
fn a_trigger_of_a_store_keeps_the_changes_of_a_key_in_their_order() {
    let text = "[function.listener]\nsource = \"crate\"\n[kv.orders]\n[kv.users]\n\
                [[trigger]]\nkv = \"orders\"\nfunction = \"listener\"\nprefix = \"o/\"\n\
                events = [\"insert\", \"remove\"]\nstart = \"beginning\"\n\
                [[trigger]]\nkv = \"users\"\nfunction = \"listener\"\nevents = \"modify\"\n";
    let platform = Fixture::new().accept(text);
    assert!(platform.queues["kv/orders/listener"].is_fifo && platform.queues["kv/orders/listener/dead"].is_fifo);
    let [orders, users] = &platform.triggers[..] else { panic!("two triggers") };
    let Source::Kv { store, keys, events, start } = &orders.source else { panic!("a store") };
    assert_eq!((store.as_str(), keys.prefix.as_deref(), *start), ("orders", Some("o/"), Start::Beginning));
    assert_eq!(*events, ChangeEvents { modify: false, ..ChangeEvents::default() });
    let Source::Kv { keys, events, start, .. } = &users.source else { panic!("a store") };
    assert_eq!((keys.prefix.as_deref(), *start), (None, Start::Latest));
    assert_eq!(*events, ChangeEvents { insert: false, modify: true, remove: false });
}

#[test]
fn a_trigger_of_a_bucket_keeps_what_happens_to_a_key_in_its_order() {
    let text = "[function.listener]\nsource = \"crate\"\n[bucket.uploads]\n[bucket.more]\n\
                [[trigger]]\nbucket = \"uploads\"\nfunction = \"listener\"\nprefix = \"in/\"\nsuffix = \".png\"\n\
                events = \"created\"\nmax-receives = 2\n\
                [[trigger]]\nbucket = \"more\"\nfunction = \"listener\"\n";
    let platform = Fixture::new().accept(text);
    let queue = &platform.queues["bucket/uploads/listener"];
    assert!(queue.is_fifo && platform.queues["bucket/uploads/listener/dead"].is_fifo);
    let [uploads, more] = &platform.triggers[..] else { panic!("two triggers") };
    assert_eq!((uploads.queue.as_str(), queue.max_receives), ("bucket/uploads/listener", 2));
    let Source::Bucket { bucket, keys, events } = &uploads.source else { panic!("a bucket") };
    assert_eq!((keys.prefix.as_deref(), keys.suffix.as_deref()), (Some("in/"), Some(".png")));
    assert_eq!((bucket.as_str(), *events), ("uploads", BlobEvents { created: true, deleted: false }));
    let Source::Bucket { keys, events, .. } = &more.source else { panic!("a bucket") };
    assert_eq!((keys.clone(), *events), (KeyFilter::default(), BlobEvents::default()));
}

#[test]
fn a_function_has_a_queue_for_invocations_that_nobody_waits_for_whether_its_component_has_a_handler_or_not() {
    let text = "[function.event]\nsource = \"crate\"\nasync-retries = 4\nasync-on-success = \"queue:done\"\n\
                async-on-failure = \"function:event\"\n[function.hello]\nsource = \"crate\"\n\
                async-on-failure = \"topic:ended\"\ngrants = { invoke = { event = \"call\" } }\n\
                [queue.done]\nlarge-payloads = \"payloads\"\n[bucket.payloads]\n[topic.ended]\n";
    let platform = Fixture::new().accept(text);
    let names: Vec<_> = platform.queues.keys().map(QueueName::as_str).collect();
    let kept = |name: &str| ["", "/dead", "/reports", "/reports/dead"].map(|part| format!("invoke/{name}{part}"));
    assert_eq!(names, [&["done", "done/dead"].map(str::to_owned)[..], &kept("event"), &kept("hello")].concat());
    let payloads = BucketName::parse("payloads").ok();
    assert!(
        ["done", "done/dead"].map(|name| platform.queues[name].large_payloads == payloads).iter().all(|same| *same)
    );
    let hello = &platform.functions["hello"];
    assert!(hello.grants.allows(Capability::Invoke, "event", Access::Call));
    assert_eq!(hello.asynchronous.on_failure, TopicName::parse("ended").ok().map(Destination::Topic));
    assert_eq!(platform.queues["invoke/event"].max_receives, 6);
    let told = &platform.functions["event"].asynchronous;
    assert_eq!(told.on_success, QueueName::parse("done").ok().map(Destination::Queue));
    assert_eq!(told.on_failure, FunctionName::parse("event").ok().map(Destination::Function));
}

#[test]
fn an_empty_file_is_a_platform_of_defaults() {
    let platform = Fixture::new().accept("");
    assert_eq!(platform.listener, Listener::default());
    assert!(platform.functions.is_empty() && platform.routes.is_empty() && platform.kv.is_empty());
}

#[test]
fn an_explicit_nothing_says_that_a_missing_grant_is_meant() {
    let fixture = Fixture::new();
    for text in [
        "[function.store]\nsource = \"crate\"\ngrants = { kv = {} }",
        "[function.caller]\nsource = \"crate\"\noutbound = []",
        "[function.asker]\nsource = \"crate\"\ngrants = { invoke = {} }",
        "[function.starter]\nsource = \"crate\"\ngrants = { workflow = {} }",
        "[function.keeper]\nsource = \"crate\"\nsecrets = {}",
    ] {
        fixture.accept(text);
    }
}

#[test]
fn ports_that_the_system_chooses_do_not_clash() {
    Fixture::new().accept("[listener]\nhttp = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"");
}
