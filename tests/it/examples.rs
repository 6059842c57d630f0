//! The examples of the demo platform, as their READMEs tell one to try them.

use crate::harness::{Launch, eventually};

#[test]
fn cleanup_removes_what_nobody_has_used_for_a_while() {
    let host = Launch::platform().start();
    host.flint(["kv", "put", "sessions", "session/ada", r#"{"seen_at_ms": 1700000000000}"#]).ok();
    host.flint(["kv", "put", "sessions", "session/eve", r#"{"seen_at_ms": 4000000000000}"#]).ok();
    host.flint(["schedule", "run", "cleanup"]).ok();
    eventually("a session that is gone", || {
        (host.flint(["kv", "get", "sessions", "session/ada"]).code == Some(1)).then_some(())
    });
    host.flint(["kv", "get", "sessions", "session/eve"]).ok();
    eventually("a counter", || (host.admin().get("/v1/kv/sessions/removed").status == 200).then_some(()));
}
