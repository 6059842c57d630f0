//! A secret is nowhere but in its [`Secret`](flint_model::Secret).

use super::Fixture;
use crate::{Code, Colour, Secrets};

#[test]
fn who_runs_no_function_needs_no_secret_but_is_told_of_one_that_is_written_wrong() {
    let fixture = Fixture::new();
    let text = |secret: &str| format!("[function.a]\nsource = \"crate\"\nsecrets = {{ key = {secret} }}\n");
    for secret in ["{ env = \"MISSING\" }", "{ file = \"nowhere.pem\" }", "{ env = \"API_KEY\" }"] {
        let platform = fixture.load_with(&text(secret), Secrets::Unread).expect(secret);
        assert!(platform.functions.values().all(|function| function.secrets.is_empty()), "{secret}");
    }
    for secret in ["{}", "\"hunter2\"", "{ env = \"A\", file = \"b\" }"] {
        let found = fixture.load_with(&text(secret), Secrets::Unread).expect_err(secret);
        assert!(found.iter().all(|mistake| matches!(mistake.code(), Code::BadSecret | Code::WrongType)), "{found}");
    }
}

#[test]
fn secrets_are_read_from_environment_and_file_byte_for_byte_and_never_shown() {
    let text = "[function.a]\nsource = \"crate\"\nsecrets = { api-key = { env = \"API_KEY\" }, cert = { file = \"key.pem\" } }\n";
    let platform = Fixture::new().accept(text);
    let function = platform.functions.values().next().expect("one function");
    assert_eq!(function.secrets["api-key"].expose(), b"hunter2");
    assert_eq!(function.secrets["cert"].expose(), b"-----KEY-----\n");
    let shown = format!("{platform:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("KEY-----"), "{shown}");
}

#[test]
fn no_diagnostic_shows_a_secret_or_what_a_variable_came_to() {
    let fixture = Fixture::new();
    for mistake in [
        "secrets = { key = \"hunter2\" }",
        "secrets = { key = { value = \"hunter2\" } }",
        "secrets = { key = { env = \"API_KEY\", file = { is = \"hunter2\" } } }",
        "secrets = \"hunter2\"",
        "secrets = { key = { env = \"sk_live_hunter2\" } }",
        "secrets = { key = { file = \"hunter2\" } }",
        "secret-key = \"hunter2\"",
        "api_token = \"hunter2\"",
        "password = { is = [\"hunter2\"] }",
        "password = \"hunter2",
        "environment = { DB_PASSWORD = \"hunter2\" }\nmemroy = 5",
        "secret = { key = \"hunter2\" }",
        "secrets = { key = { env = \"API_KEY\" } }\nsecrets = { key = \"hunter2\" }",
        "secrets = { key = \"hunter2\" }\nsecrets = { key = { env = \"API_KEY\" } }",
        "secrets = { key = { env = \"API_KEY\" }, key = \"hunter2\" }",
        "secrets = { key = hunter2 }",
        "secrets = { key = \"hunter2 }",
        "secrets.key = \"\"\"\nhunter2\n\"\"\"",
        "secrets = { key = { env = \"API_KEY\" } }\nmemory = \"${API_KEY}\"",
        "timeout = \"${API_KEY}\"",
        "isolation = \"${API_KEY}\"",
        "source = \"${API_KEY}\"",
        "outbound = [\"${API_KEY}!\"]",
        "grants.kv = { s = \"${API_KEY}\" }",
        "[listener]\nhttp = \"${API_KEY}\"",
        "[[route]]\npath = \"${API_KEY}\"\nfunction = \"a\"",
        "[[route]]\npath = \"/{${API_KEY}}/{${API_KEY}}\"\nfunction = \"a\"",
        "[[route]]\npath = \"/\"\nmethod = \"${API_KEY} \"\nhost = \"${API_KEY}:80\"\nfunction = \"${API_KEY}\"",
    ] {
        let found = fixture.load(&format!("[function.a]\n{mistake}\n[kv.s]\n")).expect_err(mistake);
        for shown in [found.render(Colour::Never), found.to_json().to_string(), format!("{found:?}")] {
            assert!(!shown.contains("hunter2"), "{mistake}: {shown}");
        }
    }
}

#[test]
fn the_token_of_management_is_read_without_white_space_and_lets_it_leave_the_machine() {
    let fixture = Fixture::new();
    std::fs::write(fixture.folder.path().join("token"), " 0123456789abcdef\n").expect("written");
    let text = "[listener]\nadmin = \"0.0.0.0:9090\"\nadmin-token = { file = \"token\" }\n";
    let platform = fixture.accept(text);
    assert_eq!(platform.listener.admin_token.as_ref().expect("a token").expose(), b"0123456789abcdef");
    assert!(!format!("{platform:?}").contains("0123456789abcdef"));
    let unread = fixture.load_with(text, Secrets::Unread).expect("valid");
    assert!(unread.listener.admin_token.is_none());
}
