//! Bytes that somebody says are a component.

use crate::fuzz;
use flint_engine::{Engine, Settings};
use flint_world::{Init, compile};

/// A component with a bit of everything that a component has.
const SEED: &str = r#"(component
    (import "wasi:cli/environment@0.2.0" (instance (export "get" (func (result string)))))
    (core module $m (memory (export "memory") 1) (table 1 funcref) (func (export "f") (result i32) i32.const 7)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0) (data (i32.const 8) "data"))
    (core instance $i (instantiate $m))
    (type $r (record (field "a" u8) (field "b" (list string))))
    (func $f (result u32) (canon lift (core func $i "f")))
    (instance $e (export "f" (func $f)))
    (export "flint:platform/thing@0.1.0" (instance $e)))"#;

#[test]
fn any_bytes_are_a_component_or_are_refused() {
    let seed = wat::parse_str(SEED).expect("a component");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // The engine has tasks of its own.
    let _entered = runtime.enter();
    let settings = Settings { instances_max: 1, ..Settings::default() };
    let engine = Engine::new(&settings).expect("an engine");
    runtime.block_on(compile(&engine, None, &seed, Init::Snapshot)).expect("the seed is a component");
    let host = std::panic::AssertUnwindSafe((&engine, &runtime));
    fuzz!("component", |input| {
        let (engine, runtime) = &*host;
        let look = |bytes: &[u8]| drop(runtime.block_on(compile(engine, None, bytes, Init::Snapshot)));
        look(input);
        // Two bytes say where, one says what: bytes of the seed are replaced, or it ends there.
        let mut bytes = seed.clone();
        for change in input.chunks_exact(3) {
            let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % bytes.len().max(1);
            match change[2] {
                0xff => bytes.truncate(at.max(8)),
                what => bytes[at] = what,
            }
        }
        look(&bytes);
    });
}
