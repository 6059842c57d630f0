//! What people read, mistake by mistake. The snapshots are in `snapshots/`, named after the cases.

use super::Fixture;
use crate::Code;

/// Each case: its name, and a configuration with the mistake.
const CASES: &[(&str, &str)] = &[
    ("syntax_unquoted", "[function.a]\nsource = \"crate\"\nmemory = 12 MiB\n"),
    ("syntax_unclosed", "data-dir = \".flint\n[listener]\nhttp = 5\n"),
    ("syntax_header", "[function.a\nsource = \"crate\"\n"),
    ("syntax_no_value", "[function.a]\nsource =\n"),
    ("unknown_key", "[function.a]\nsource = \"crate\"\nmemroy = \"1MiB\"\n"),
    ("unknown_key_without_likeness", "[kv.links]\ncolour = 1\n"),
    ("unknown_section", "[functions.a]\nsource = \"crate\"\n"),
    ("unknown_capability", "[function.a]\nsource = \"crate\"\ngrants = { kw = { links = \"read\" } }\n[kv.links]\n"),
    ("wrong_type_number", "[function.a]\nsource = \"crate\"\nmemory = 128\n"),
    ("wrong_type_text", "[limits]\ninvocations-max = \"1000\"\n"),
    ("wrong_type_table", "listener = \"127.0.0.1:8080\"\n"),
    ("wrong_type_list", "[function.a]\nsource = \"crate\"\noutbound = \"example.com\"\n"),
    ("wrong_type_in_environment", "[function.a]\nsource = \"crate\"\nenvironment = { PORT = 80 }\n"),
    ("wrong_type_route", "[route]\npath = \"/\"\n"),
    ("wrong_type_secret", "[function.a]\nsource = \"crate\"\nsecrets = { key = \"sesame\" }\n"),
    ("missing_key", "[function.a]\n[[route]]\nfunction = \"a\"\n"),
    ("duplicate_function", "[function.a]\nsource = \"crate\"\n\n[function.a]\nwarm = 2\n"),
    ("duplicate_key", "[function.a]\nsource = \"crate\"\nwarm = 1\nwarm = 2\n"),
    ("duplicate_store", "[kv.links] # the first\n[kv.links]\n"),
    ("bad_name", "[function.Hello_World]\nsource = \"crate\"\n[[route]]\npath = \"/\"\nfunction = \"Hello_World\"\n"),
    ("bad_name_of_a_variable", "[function.a]\nsource = \"crate\"\nenvironment = { \"A=B\" = \"c\" }\n"),
    ("bad_size", "[function.a]\nsource = \"crate\"\nmemory = \"12 parsecs\"\n"),
    ("bad_duration", "[function.a]\nsource = \"crate\"\ntimeout = \"30\"\n"),
    ("bad_address", "[listener]\nhttp = \"localhost:8080\"\n"),
    ("bad_value_isolation", "[function.a]\nsource = \"crate\"\nisolation = \"frehs\"\n"),
    ("bad_value_access", "[function.a]\nsource = \"crate\"\ngrants.kv = { links = \"write\" }\n[kv.links]\n"),
    (
        "bad_value_method",
        "[function.a]\nsource = \"crate\"\n[[route]]\npath = \"/\"\nmethod = [\"get\"]\nfunction = \"a\"\n",
    ),
    (
        "bad_value_no_method",
        "[function.a]\nsource = \"crate\"\n[[route]]\npath = \"/\"\nmethod = []\nfunction = \"a\"\n",
    ),
    ("bad_path", "[function.a]\nsource = \"crate\"\n[[route]]\npath = \"/files/{*rest}/meta\"\nfunction = \"a\"\n"),
    ("bad_host", "[function.a]\nsource = \"crate\"\noutbound = [\"https://example.com/\"]\n"),
    (
        "bad_host_of_a_route",
        "[function.a]\nsource = \"crate\"\n[[route]]\npath = \"/\"\nhost = \"a.com:80\"\nfunction = \"a\"\n",
    ),
    ("bad_network", "[function.a]\nsource = \"crate\"\noutbound-internal = [\"10.0.0.0\"]\n"),
    ("bad_network_bits", "[function.a]\nsource = \"crate\"\noutbound-internal = [\"10.1.0.0/8\"]\n"),
    ("no_such_file_ca", "[outbound]\nca = \"nowhere.pem\"\n"),
    ("out_of_range_size", "[function.a]\nsource = \"crate\"\nmemory = \"5GiB\"\n"),
    ("out_of_range_count", "[function.a]\nsource = \"crate\"\nconcurrency = 0\n"),
    ("out_of_range_duration", "[function.a]\nsource = \"crate\"\ntimeout = \"0s\"\n"),
    ("out_of_range_huge", "[function.a]\nsource = \"crate\"\nwarm = 99999999999999999999999999999999999999999999\n"),
    (
        "memory_over_the_limit",
        "[limits]\nmemory-max = \"64MiB\"\n[function.a]\nsource = \"crate\"\nmemory = \"65MiB\"\n",
    ),
    (
        "warm_over_the_limit",
        "[limits]\nspares-max = 5\n[function.a]\nsource = \"crate\"\nwarm = 4\n[function.b]\nsource = \"crate\"\nwarm = 2\n",
    ),
    (
        "reserved_over_the_limit",
        "[limits]\ninvocations-max = 5\n[function.a]\nsource = \"crate\"\nconcurrency = 5\n[function.b]\nsource = \"crate\"\n",
    ),
    ("bad_reference_unclosed", "data-dir = \"a${B\"\n"),
    ("bad_reference_name", "data-dir = \"é/${a-b}\"\n"),
    ("no_such_variable", "[function.a]\nsource = \"crate\"\nenvironment = { A = \"x ${MISSING} ${GREETING}\" }\n"),
    ("no_such_variable_of_a_secret", "[function.a]\nsource = \"crate\"\nsecrets = { key = { env = \"MISSING\" } }\n"),
    ("no_such_source", "[function.a]\nsource = \"functions/nowhere\"\n"),
    ("no_such_secret_file", "[function.a]\nsource = \"crate\"\nsecrets = { key = { file = \"nowhere.pem\" } }\n"),
    ("bad_secret_neither", "[function.a]\nsource = \"crate\"\n[function.a.secrets.key]\n"),
    ("bad_secret_both", "[function.a]\nsource = \"crate\"\nsecrets.key = { env = \"API_KEY\", file = \"key.pem\" }\n"),
    ("no_such_secret_file_but_a_device", "[function.a]\nsource = \"crate\"\nsecrets.key = { file = \"/dev/zero\" }\n"),
    ("bad_secret_too_large", "[function.a]\nsource = \"crate\"\nsecrets.key = { file = \"large.bin\" }\n"),
    ("bad_build_no_crate", "[function.a]\nsource = \"plain\"\n"),
    ("bad_build_no_artifact", "[function.a]\nsource = \"plain\"\nbuild = \"make\"\n"),
    ("bad_build_no_command", "[function.a]\nsource = \"plain\"\nartifact = \"a.wasm\"\n"),
    ("bad_build_of_a_file", "[function.a]\nsource = \"app.wasm\"\nbuild = \"make\"\nartifact = \"a.wasm\"\n"),
    ("bad_build_not_wasm", "[function.a]\nsource = \"notes.txt\"\n"),
    ("no_such_function", "[function.hello]\nsource = \"crate\"\n[[route]]\npath = \"/\"\nfunction = \"helo\"\n"),
    ("no_such_store", "[function.a]\nsource = \"crate\"\ngrants.kv = { links = \"read\" }\n"),
    (
        "overlapping_routes",
        "[function.a]\nsource = \"crate\"\n\n[[route]]\npath = \"/a/{x}\"\nmethod = [\"GET\", \"PUT\"]\nfunction = \"a\"\n\n[[route]]\npath = \"/a/{y}\"\nmethod = \"GET\"\nfunction = \"a\"\n",
    ),
    ("no_http_handler", "[function.event]\nsource = \"crate\"\n\n[[route]]\npath = \"/\"\nfunction = \"event\"\n"),
    ("no_handler", "[function.handlerless]\nsource = \"app.wasm\"\n"),
    ("missing_grant_kv", "[function.store]\nsource = \"crate\"\n"),
    ("missing_grant_outbound", "[function.caller]\nsource = \"crate\"\n"),
    ("missing_grant_secrets", "[function.keeper]\nsource = \"crate\"\n"),
    ("unserved_import", "[function.stranger]\nsource = \"app.wasm\"\n"),
    ("not_shareable", "[function.old]\nsource = \"crate\"\nisolation = \"shared\"\n"),
    ("useless_uses", "[function.a]\nsource = \"crate\"\nuses = 10\n"),
    ("admin_token_missing", "[listener]\nadmin-token = { env = \"MISSING\" }\n"),
    ("admin_token_too_short", "[listener]\nadmin = \"0.0.0.0:9090\"\nadmin-token = { env = \"API_KEY\" }\n"),
    ("admin_token_written_down", "[listener]\nadmin-token = \"hunter2\"\n"),
    ("wrong_type_flag", "[function.a]\nsource = \"crate\"\nversion-header = \"yes\"\n"),
    ("admin_not_loopback", "[listener]\nadmin = \"0.0.0.0:9090\"\n"),
    ("same_address", "[listener]\nhttp = \"0.0.0.0:9090\"\n"),
    (
        "same_address_encrypted",
        "[listener]\nhttps = \"127.0.0.1:8080\"\ncertificate = \"key.pem\"\nkey = \"key.pem\"\n",
    ),
    ("bad_https_without_files", "[listener]\nhttps = \"0.0.0.0:443\"\n"),
    ("bad_https_without_address", "[listener]\nkey = \"key.pem\"\n"),
    ("no_such_certificate", "[listener]\nhttps = \"0.0.0.0:443\"\ncertificate = \"nowhere.pem\"\nkey = \"crate\"\n"),
    ("bad_network_of_proxies", "[listener]\ntrusted-proxies = [\"10.0.0.0/8\", \"proxy.example.com\"]\n"),
    ("wrong_type_networks", "[listener]\ntrusted-proxies = \"10.0.0.0/8\"\n"),
    (
        "bad_files_and_a_function",
        "[function.a]\nsource = \"crate\"\n[[route]]\npath = \"/{*rest}\"\nfiles = \"plain\"\nfunction = \"a\"\n",
    ),
    ("bad_files_path", "[[route]]\npath = \"/static\"\nfiles = \"plain\"\n"),
    ("bad_files_method", "[[route]]\npath = \"/{*rest}\"\nmethod = [\"GET\", \"PUT\"]\nfiles = \"plain\"\n"),
    (
        "bad_files_idempotency",
        "[function.a]\nsource = \"crate\"\n[[route]]\npath = \"/{*rest}\"\nfiles = \"plain\"\nidempotency = {}\n",
    ),
    (
        "no_such_folder",
        "[[route]]\npath = \"/{*rest}\"\nfiles = \"nowhere\"\n[[route]]\npath = \"/b/{*rest}\"\nfiles = \"notes.txt\"\n",
    ),
    (
        "bad_origin",
        "[[route]]\npath = \"/{*rest}\"\nfiles = \"plain\"\ncors = { origins = [\"https://a.org/\", \"a.org\"] }\n",
    ),
    (
        "bad_origin_with_credentials",
        "[[route]]\npath = \"/{*rest}\"\nfiles = \"plain\"\ncors = { origins = \"*\", credentials = true }\n",
    ),
    (
        "bad_origin_null_with_credentials",
        "[[route]]\npath = \"/{*rest}\"\nfiles = \"plain\"\n\
         cors = { origins = [\"https://a.org\", \"null\"], credentials = true }\n",
    ),
    (
        "bad_value_header",
        "[[route]]\npath = \"/{*rest}\"\nfiles = \"plain\"\ncors = { origins = \"*\", expose = \"a b\" }\n",
    ),
    ("bad_value_key", "[[route]]\npath = \"/{*rest}\"\nfiles = \"plain\"\nrate = { requests = 1, key = \"cookie\" }\n"),
    ("missing_key_of_a_rate_and_of_cors", "[[route]]\npath = \"/{*rest}\"\nfiles = \"plain\"\nrate = {}\ncors = {}\n"),
    ("wrong_type_flag_of_a_route", "[[route]]\npath = \"/{*rest}\"\nfiles = \"plain\"\ncompress = \"yes\"\n"),
    ("missing_grant_queue", "[function.sender]\nsource = \"crate\"\n"),
    ("bad_name_of_a_queue", "[queue.\"jobs/dead\"]\n"),
    (
        "no_such_queue",
        "[function.worker]\nsource = \"crate\"\ngrants.queue = { job = \"send\" }\n[queue.jobs]\ndead-letter = \"dead\"\n\
         [[trigger]]\nqueue = \"jobz\"\nfunction = \"worker\"\n",
    ),
    (
        "no_such_bucket",
        "[function.worker]\nsource = \"crate\"\ngrants.blob = { upload = \"read\" }\n[bucket.uploads]\n",
    ),
    ("bad_public_url", "[listener]\npublic-url = \"example.com\"\n"),
    ("bad_dead_letter_circle", "[queue.a]\ndead-letter = \"b\"\n[queue.b]\ndead-letter = \"a\"\n"),
    ("bad_dead_letter_order", "[queue.a]\norder = \"fifo\"\ndead-letter = \"b\"\n[queue.b]\n"),
    (
        "second_trigger",
        "[function.worker]\nsource = \"crate\"\n[queue.a]\n[[trigger]]\nqueue = \"a\"\nfunction = \"worker\"\n\
         [[trigger]]\nqueue = \"a\"\nfunction = \"worker\"\n",
    ),
    (
        "bad_filter",
        "[function.worker]\nsource = \"crate\"\n[queue.a]\n[[trigger]]\nqueue = \"a\"\nfunction = \"worker\"\n\
         filter = { kind = [{ numeric = [\">\", \"x\"] }] }\n",
    ),
    (
        "wrong_type_filter",
        "[function.worker]\nsource = \"crate\"\n[queue.a]\n[[trigger]]\nqueue = \"a\"\nfunction = \"worker\"\nfilter = 5\n",
    ),
    (
        "batch_over_the_limit",
        "[function.worker]\nsource = \"crate\"\n[queue.a]\nbatch-max = 5\n[[trigger]]\nqueue = \"a\"\nfunction = \"worker\"\n",
    ),
    (
        "not_transactional",
        "[function.worker]\nsource = \"crate\"\nisolation = \"shared\"\n[queue.a]\n[[trigger]]\nqueue = \"a\"\n\
         function = \"worker\"\n",
    ),
    (
        "bad_schedule",
        "[function.ticked]\nsource = \"crate\"\n[schedule.a]\nfunction = \"ticked\"\nwhen = \"every now and then\"\n\
         [schedule.b]\nfunction = \"ticked\"\nwhen = \"61 * * * *\"\n\
         [schedule.c]\nfunction = \"ticked\"\nwhen = \"@daily\"\nzone = \"Europe/Atlantis\"\n",
    ),
    (
        "bad_destination",
        "[function.a]\nsource = \"crate\"\nasync-on-success = \"mail:me\"\nasync-on-failure = \"queue:lost\"\n\
         [function.b]\nsource = \"crate\"\nasync-on-success = \"function:c\"\nasync-on-failure = \"function:a\"\n",
    ),
    (
        "schedule_without_a_handler",
        "[function.a]\nsource = \"crate\"\n[schedule.a]\nfunction = \"a\"\nwhen = \"@daily\"\n\
         [schedule.b]\nfunction = \"b\"\nwhen = \"@daily\"\noverlap = \"never\"\n",
    ),
    ("missing_keys_of_a_schedule", "[schedule.a]\n[schedule.B]\nwhen = \"@daily\"\nfunction = \"a\"\n"),
    ("no_queue_handler", "[function.a]\nsource = \"crate\"\n[queue.a]\n[[trigger]]\nqueue = \"a\"\nfunction = \"a\"\n"),
    ("no_topic_handler", "[function.a]\nsource = \"crate\"\n[topic.t]\n[[trigger]]\ntopic = \"t\"\nfunction = \"a\"\n"),
    ("no_kv_handler", "[function.a]\nsource = \"crate\"\n[kv.s]\n[[trigger]]\nkv = \"s\"\nfunction = \"a\"\n"),
    (
        "no_blob_handler",
        "[function.a]\nsource = \"crate\"\n[bucket.b]\n[[trigger]]\nbucket = \"b\"\nfunction = \"a\"\n",
    ),
    ("missing_grant_invoke", "[function.asker]\nsource = \"crate\"\n"),
    (
        "no_such_function_of_a_grant",
        "[function.a]\nsource = \"crate\"\ngrants.invoke = { greter = \"call\" }\n[function.greeter]\nsource = \"crate\"\n",
    ),
    ("missing_grant_workflow", "[function.starter]\nsource = \"crate\"\n"),
    (
        "grant_of_no_such_workflow",
        "[function.a]\nsource = \"crate\"\ngrants.workflow = { ordr = \"start\", Order = \"read\" }\n[workflow.order]\n\
         definition = \"crate\"\n",
    ),
    (
        "bad_value_of_a_grant_of_a_workflow",
        "[function.a]\nsource = \"crate\"\ngrants.workflow = { order = \"call\" }\n[workflow.order]\n\
         definition = \"crate\"\n",
    ),
    ("no_such_bucket_of_a_queue", "[queue.jobs]\nlarge-payloads = \"upload\"\n[bucket.uploads]\n"),
    (
        "no_such_topic_of_a_destination",
        "[function.event]\nsource = \"crate\"\nasync-on-failure = \"topic:end\"\n[topic.ended]\n",
    ),
    ("missing_grant_topic", "[function.publisher]\nsource = \"crate\"\n"),
    ("bad_name_of_a_topic", "[topic.\"a/b\"]\n"),
    (
        "no_such_topic",
        "[function.listener]\nsource = \"crate\"\ngrants.topic = { order = \"publish\" }\n[topic.orders]\n[queue.q]\n\
         [[trigger]]\ntopic = \"ordrs\"\nfunction = \"listener\"\n[[subscription]]\ntopic = \"none\"\nqueue = \"p\"\n",
    ),
    (
        "no_such_store_of_a_trigger",
        "[function.listener]\nsource = \"crate\"\n[kv.orders]\n[[trigger]]\nkv = \"order\"\nfunction = \"listener\"\n",
    ),
    (
        "no_such_bucket_of_a_trigger",
        "[function.listener]\nsource = \"crate\"\n[bucket.uploads]\n[[trigger]]\nbucket = \"upload\"\n\
         function = \"listener\"\n",
    ),
    (
        "bad_value_of_a_grant_of_a_topic",
        "[function.a]\nsource = \"crate\"\ngrants.topic = { orders = \"send\" }\n[topic.orders]\n",
    ),
    (
        "bad_source_twice",
        "[function.listener]\nsource = \"crate\"\n[topic.t]\n[kv.s]\n\
         [[trigger]]\ntopic = \"t\"\nkv = \"s\"\nfunction = \"listener\"\n",
    ),
    (
        "bad_source_key",
        "[function.worker]\nsource = \"crate\"\n[function.listener]\nsource = \"crate\"\n[queue.q]\n[kv.s]\n\
         [[trigger]]\nqueue = \"q\"\nfunction = \"worker\"\nmax-receives = 3\nprefix = \"a\"\n\
         [[trigger]]\nkv = \"s\"\nfunction = \"listener\"\nfilter = { kind = [\"a\"] }\n",
    ),
    (
        "bad_value_of_events",
        "[function.listener]\nsource = \"crate\"\n[kv.r]\n[kv.s]\n\
         [[trigger]]\nkv = \"r\"\nfunction = \"listener\"\nevents = [\"insert\", \"update\"]\n\
         [[trigger]]\nkv = \"s\"\nfunction = \"listener\"\nevents = []\n",
    ),
    (
        "bad_value_of_events_of_a_bucket",
        "[function.listener]\nsource = \"crate\"\n[bucket.b]\n[[trigger]]\nbucket = \"b\"\nfunction = \"listener\"\n\
         events = [\"created\", \"insert\"]\nstart = \"beginning\"\n",
    ),
    (
        "second_trigger_of_a_topic",
        "[function.listener]\nsource = \"crate\"\n[topic.t]\n[queue.q]\n\
         [[trigger]]\ntopic = \"t\"\nfunction = \"listener\"\n[[trigger]]\ntopic = \"t\"\nfunction = \"listener\"\n\
         [[subscription]]\ntopic = \"t\"\nqueue = \"q\"\n[[subscription]]\ntopic = \"t\"\nqueue = \"q\"\n",
    ),
    ("missing_keys_of_a_subscription", "[[subscription]]\nfilter = 5\n"),
    ("missing_keys_of_a_trigger", "[[trigger]]\nbatch-size = 5\n"),
    (
        "no_such_workflow",
        "[workflow.order]\ndefinition = \"a.json\"\n[queue.q]\n[[route]]\npath = \"/\"\nworkflow = \"oder\"\n\
         [[trigger]]\nqueue = \"q\"\nworkflow = \"orders\"\n[schedule.s]\nwhen = \"@daily\"\nworkflow = \"nightly\"\n",
    ),
    (
        "bad_handler_both",
        "[function.a]\nsource = \"crate\"\n[function.worker]\nsource = \"crate\"\n[function.ticked]\nsource = \"crate\"\n\
         [workflow.order]\ndefinition = \"a.json\"\n[queue.q]\n\
         [[route]]\npath = \"/\"\nfunction = \"a\"\nworkflow = \"order\"\n\
         [[trigger]]\nqueue = \"q\"\nfunction = \"worker\"\nworkflow = \"order\"\n\
         [schedule.s]\nwhen = \"@daily\"\nfunction = \"ticked\"\nworkflow = \"order\"\n",
    ),
    (
        "bad_handler_not_transactional",
        "[workflow.order]\ndefinition = \"a.json\"\n[queue.q]\n\
         [[trigger]]\nqueue = \"q\"\nworkflow = \"order\"\ntransactional = false\n\
         [schedule.s]\nwhen = \"@daily\"\nworkflow = \"order\"\ntransactional = false\n",
    ),
    (
        "bad_handler_of_a_route",
        "[function.a]\nsource = \"crate\"\n[workflow.order]\ndefinition = \"a.json\"\n\
         [[route]]\npath = \"/a\"\nfunction = \"a\"\ninput = \"request\"\n\
         [[route]]\npath = \"/b\"\nworkflow = \"order\"\nidempotency = { kept = \"1h\" }\n",
    ),
    (
        "bad_files_and_a_workflow",
        "[workflow.order]\ndefinition = \"a.json\"\n[[route]]\npath = \"/{*rest}\"\nfiles = \"plain\"\nworkflow = \"order\"\n",
    ),
    (
        "second_trigger_of_a_workflow",
        "[workflow.order]\ndefinition = \"a.json\"\n[topic.t]\n\
         [[trigger]]\ntopic = \"t\"\nworkflow = \"order\"\n[[trigger]]\ntopic = \"t\"\nworkflow = \"order\"\n",
    ),
    (
        "bad_value_of_a_workflow",
        "[workflow.order]\ndefinition = \"a.json\"\ntype = \"expres\"\n\
         [[route]]\npath = \"/\"\nworkflow = \"order\"\ninput = \"query\"\n",
    ),
    (
        "bad_value_key_of_a_table",
        "[kv.none]\nkey = []\n[kv.empty]\nkey = \"\"\n[kv.same]\nkey = [\"id\", \"id\"]\n\
         [kv.three]\nkey = [\"a\", \"b\", \"c\"]\n[kv.number]\nkey = 5\n",
    ),
    ("no_component", "[function.broken]\nsource = \"crate\"\n"),
];

#[test]
fn every_mistake_is_told_with_place_text_and_help() {
    let fixture = Fixture::new();
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut codes = Vec::new();
    for (name, text) in CASES {
        let found = fixture.load(text).expect_err(name);
        assert!(found.iter().all(|d| d.help_text().is_some()), "{name}: every mistake has help: {found}");
        codes.extend(found.iter().map(crate::Diagnostic::code));
        settings.bind(|| insta::assert_snapshot!(*name, fixture.mistakes(text)));
    }
    let unseen: Vec<_> = Code::ALL.iter().filter(|code| !codes.contains(code)).collect();
    assert!(unseen.is_empty(), "codes without a case: {unseen:?}");
}

/// Ten mistakes of ten kinds.
const TEN: &str = r#"data-dir = "${NOWHERE}"

[listener]
admin = "0.0.0.0:9090"

[limits]
drain-timeout = "soon"

[function.Hello]
source = "crate"

[function.hello]
source = "nowhere"
memory = 128
memroy = "128MiB"

[function.event]
source = "crate"
grants = { kv = { links = "read" } }

[[route]]
path = "/"
function = "event"

[[route]]
path = "/{a}"
function = "hello"

[[route]]
path = "/{b}"
function = "hello"
"#;

#[test]
fn a_configuration_with_ten_mistakes_reports_ten_in_the_order_of_the_file() {
    let found = Fixture::new().load(TEN).expect_err("ten mistakes");
    let lines: Vec<_> = found.iter().map(|d| (found.position(d).line, d.code())).collect();
    assert_eq!(
        lines,
        [
            (1, Code::NoSuchVariable),
            (4, Code::AdminNotLoopback),
            (7, Code::BadDuration),
            (9, Code::BadName),
            (13, Code::NoSuchFile),
            (14, Code::WrongType),
            (15, Code::UnknownKey),
            (19, Code::NoSuchStore),
            (23, Code::NoHandler),
            (30, Code::OverlappingRoutes),
        ]
    );
    insta::assert_snapshot!("ten_mistakes", Fixture::new().mistakes(TEN));
}

#[test]
fn programs_get_the_same_as_people() {
    let fixture = Fixture::new();
    let text = "[function.a]\nsource = \"crate\"\nwarm = 1\nwarm = 2\n";
    let mut json = fixture.load(text).expect_err("a name twice").to_json();
    json["file"] = "platform.toml".into();
    json["diagnostics"][0]["file"] = "platform.toml".into();
    insta::assert_json_snapshot!("json", json);
}

#[test]
fn colours_come_only_when_asked_for() {
    let found = Fixture::new().load("data-dir = 5").expect_err("a wrong type");
    assert!(found.render(crate::Colour::Always).contains("\u{1b}["));
    assert!(!found.render(crate::Colour::Never).contains('\u{1b}'));
}

#[test]
fn a_mistake_next_to_broken_syntax_is_reported_too_and_nothing_is_built() {
    let fixture = Fixture::new();
    let found = fixture.load("[function.a]\nmemroy = 1\n[listener]\nhttp = oops\n");
    let found = found.expect_err("two mistakes");
    assert_eq!(found.iter().map(|d| d.code()).collect::<Vec<_>>(), [Code::UnknownKey, Code::Syntax]);
    assert!(fixture.described.lock().expect("no panic").is_empty());
}

#[test]
fn functions_with_a_valid_source_are_described_once_whatever_else_is_wrong() {
    let fixture = Fixture::new();
    let text = "[function.a]\nsource = \"crate\"\nmemory = 1\n[function.b]\nsource = \"none\"\n[function.c]\nsource = \"app.wasm\"\n";
    fixture.load(text).expect_err("two mistakes");
    assert_eq!(*fixture.described.lock().expect("no panic"), ["prepare a c", "a", "c"]);
}
