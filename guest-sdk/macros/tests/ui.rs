//! What the compiler tells a user who is wrong, and that it is silent for one who is right.

#[test]
fn mistakes_are_told_in_words_and_all_at_once() {
    let cases = trybuild::TestCases::new();
    for attribute in ["http", "invoke", "queue", "topic", "kv_change", "blob", "schedule", "init"] {
        cases.pass(format!("tests/ui/{attribute}/pass/*.rs"));
        cases.compile_fail(format!("tests/ui/{attribute}/fail/*.rs"));
    }
}
