//! Looks for what other instances left behind: a fixture of the tests for isolation.
//!
//! The payload is a command: `fill N` writes a pattern into N bytes of the heap, into the stack and into a static, and leaves
//! it there; `scan` reads the whole linear memory for it; `count` says how often this instance was called. It writes linear
//! memory alone: tables and globals of the module are out of the reach of Rust.

use std::alloc::{Layout, alloc};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use flint_sdk::{Failure, Payload};

/// What is written everywhere. The scan compares with its complement, so that the code itself does not hold it.
const NOT_PATTERN: u8 = 0x5A;
/// So many in a row are no accident.
const RUN: usize = 64;

/// How often this instance was called. Not zero in the next instance would be a leak of data that starts as zero.
static CALLS: AtomicU64 = AtomicU64::new(0);
/// Written by `fill`: data that does not start as zero.
static MARKER: AtomicU64 = AtomicU64::new(0x0123_4567_89AB_CDEF);
const UNMARKED: u64 = 0x0123_4567_89AB_CDEF;

#[flint_sdk::invoke]
async fn probe(payload: Payload) -> Result<Payload, Failure> {
    let calls = CALLS.fetch_add(1, Relaxed) + 1;
    let command = std::str::from_utf8(&payload).unwrap_or_default();
    let words: Vec<&str> = command.split_whitespace().collect();
    match words[..] {
        ["fill", bytes] => match bytes.parse() {
            Ok(bytes) => fill(bytes).map(Payload::from),
            Err(_) => Err(Failure::new("InvalidCommand", "`fill N`: N is a number of bytes").never()),
        },
        ["scan"] => Ok(scan(calls).into()),
        ["count"] => Ok(calls.to_string().into()),
        _ => Err(Failure::new("InvalidCommand", "`fill N`, `scan` or `count`").never()),
    }
}

/// Takes so many bytes, fills them, and never gives them back; fills the stack below this call too.
fn fill(bytes: usize) -> Result<String, Failure> {
    MARKER.store(u64::from_le_bytes([!black_box(NOT_PATTERN); 8]), Relaxed);
    fill_stack();
    let layout = Layout::array::<u8>(bytes).ok().filter(|layout| layout.size() > 0);
    let Some(layout) = layout else {
        return Err(Failure::new("InvalidCommand", "so many bytes do not exist").never());
    };
    // SAFETY: the layout is not of size zero.
    let memory = unsafe { alloc(layout) };
    if memory.is_null() {
        return Err(Failure::new("OutOfMemory", format!("{bytes} bytes were refused")).never());
    }
    // SAFETY: the memory was just allocated with this size, and nobody else knows it.
    unsafe { memory.write_bytes(!black_box(NOT_PATTERN), bytes) };
    black_box(memory);
    Ok(format!("filled {bytes}"))
}

#[inline(never)]
fn fill_stack() {
    black_box([!black_box(NOT_PATTERN); 16 * 1024]);
}

/// Reads all there is of memory. Answers `dirty-runs=R marker=M calls=C bytes=B`: in a fresh instance 0, `clean` and 1.
fn scan(calls: u64) -> String {
    let bytes = memory_size();
    let mut runs = 0_u64;
    let mut length = 0_usize;
    for address in 1..bytes {
        // SAFETY: all of linear memory is readable in wasm; the null address is left out. Volatile, since the bytes belong
        // to whatever owns them.
        let byte = unsafe { std::ptr::with_exposed_provenance::<u8>(address).read_volatile() };
        length = if byte == !NOT_PATTERN { length + 1 } else { 0 };
        runs += u64::from(length == RUN);
    }
    let marker = match MARKER.load(Relaxed) {
        UNMARKED => "clean",
        _ => "dirty",
    };
    format!("dirty-runs={runs} marker={marker} calls={calls} bytes={bytes}")
}

#[cfg(target_arch = "wasm32")]
fn memory_size() -> usize {
    core::arch::wasm32::memory_size(0) * 64 * 1024
}

/// There is no linear memory to look at.
#[cfg(not(target_arch = "wasm32"))]
fn memory_size() -> usize {
    0
}
