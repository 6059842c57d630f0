//! Time, memory and room: what stops an instance, and what that leaves to the others.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail like the test itself")]

mod artifacts;
#[path = "../harness/mod.rs"]
mod harness;
mod room;
mod shared;
mod spares;
mod stops;

/// A guest that answers, spins, traps and grows.
const GUEST: &str = r#"
(component
  (core module $module
    (memory 1)
    (table $table 1 funcref)
    (func (export "answer") (result i32) (i32.const 42))
    (func (export "spin") (loop $on (br $on)))
    (func (export "trap") (unreachable))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "grow-table") (param i32) (result i32) (table.grow $table (ref.null func) (local.get 0)))
    (func (export "grow-or-trap") (param i32)
      (if (i32.eq (i32.const -1) (memory.grow (local.get 0))) (then (unreachable)))))
  (core instance $core (instantiate $module))
  (func (export "answer") (result u32) (canon lift (core func $core "answer")))
  (func (export "spin") (canon lift (core func $core "spin")))
  (func (export "trap") (canon lift (core func $core "trap")))
  (func (export "grow") (param "pages" u32) (result s32) (canon lift (core func $core "grow")))
  (func (export "grow-table") (param "elements" u32) (result s32) (canon lift (core func $core "grow-table")))
  (func (export "grow-or-trap") (param "pages" u32) (canon lift (core func $core "grow-or-trap"))))
"#;

/// A guest of two core instances, each with a memory of its own.
const TWO_MEMORIES: &str = r#"
(component
  (core module $module
    (memory 1)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
  (core instance $one (instantiate $module))
  (core instance $two (instantiate $module))
  (func (export "grow-one") (param "pages" u32) (result s32) (canon lift (core func $one "grow")))
  (func (export "grow-two") (param "pages" u32) (result s32) (canon lift (core func $two "grow"))))
"#;

/// A guest of two core instances: memory and table of the second have a maximum.
const BOUNDED: &str = r#"
(component
  (core module $module
    (memory 1)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
  (core module $bounded
    (memory 1 2)
    (table $table 1 2 funcref)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "grow-table") (param i32) (result i32) (table.grow $table (ref.null func) (local.get 0))))
  (core instance $one (instantiate $module))
  (core instance $two (instantiate $bounded))
  (func (export "grow") (param "pages" u32) (result s32) (canon lift (core func $one "grow")))
  (func (export "grow-bounded") (param "pages" u32) (result s32) (canon lift (core func $two "grow")))
  (func (export "grow-table") (param "elements" u32) (result s32) (canon lift (core func $two "grow-table"))))
"#;

/// A guest whose start takes some milliseconds: too long for the task that dropped an instance to make another one.
const STARTS_SLOWLY: &str = r#"
(component
  (core module $module
    (func $start (local $left i32)
      (local.set $left (i32.const 10000000))
      (loop $on (br_if $on (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))
    (start $start))
  (core instance (instantiate $module)))
"#;

/// A guest that never comes to its first event.
const SPINS_AT_START: &str = r#"
(component
  (core module $module
    (func $start (loop $on (br $on)))
    (start $start))
  (core instance (instantiate $module)))
"#;
