//! Guests that write wherever they can, and look for what others wrote.
//!
//! A tenant knows what its memory, tables and globals hold before anyone wrote: every word of the image is a function of its
//! address, all other memory is zero. `scan` counts what is not so, in the memory that it starts with and in what it can grow.

#![allow(clippy::single_range_in_vec_init, reason = "an image of one segment is a list of one range")]

use std::fmt::Write as _;
use std::ops::Range;

/// Bytes of a page of WebAssembly.
const PAGE: u32 = 64 << 10;

/// The word of the image at an address is one more than the address, times this: odd, so that no two words are the same.
const IMAGE_FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// A core module of a tenant.
pub(crate) struct Core {
    /// Pages that the memory starts with, and that it can grow to.
    pub(crate) pages: (u32, u32),
    /// Where data segments are, in bytes; bounds are multiples of 8.
    pub(crate) image: &'static [Range<u32>],
    /// Elements that the table starts with, at least [`OWN_ELEMENTS`], and that it can grow to.
    pub(crate) elements: (u32, u32),
}

/// So many elements of each table hold a function from the start.
const OWN_ELEMENTS: u32 = 4;

/// A component, by what it has.
pub(crate) struct Tenant {
    /// For messages.
    pub(crate) name: &'static str,
    /// One or several core instances, each with a memory and a table.
    pub(crate) cores: &'static [Core],
}

const KIB: u32 = 1 << 10;
const MIB: u32 = 1 << 20;

/// From a page to several times the 2 MiB that stay resident between two instances, with and without an image.
pub(crate) const TENANTS: [Tenant; 6] = [
    Tenant { name: "a page", cores: &[Core { pages: (1, 1), image: &[], elements: (4, 4) }] },
    Tenant { name: "a page that grows", cores: &[Core { pages: (1, 20), image: &[0..8 * KIB], elements: (10, 2000) }] },
    Tenant {
        name: "what stays resident, to the byte",
        cores: &[Core { pages: (32, 33), image: &[KIB..70 * KIB, MIB..MIB + 4 * KIB], elements: (100, 9000) }],
    },
    Tenant { name: "much, without an image", cores: &[Core { pages: (48, 80), image: &[], elements: (1000, 50_000) }] },
    Tenant {
        name: "much, with an image beyond what stays resident",
        cores: &[Core {
            pages: (64, 72),
            image: &[0..64 * KIB, 2 * MIB - 4 * KIB..2 * MIB + 4 * KIB, 3 * MIB..3 * MIB + 16 * KIB],
            elements: (40_000, 90_000),
        }],
    },
    Tenant {
        name: "two core instances",
        cores: &[
            Core { pages: (2, 40), image: &[64 * KIB..80 * KIB], elements: (8, 16) },
            Core { pages: (34, 36), image: &[], elements: (300, 3000) },
        ],
    },
];

/// How much a tenant writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// A hundred words anywhere.
    Scattered,
    /// The first and the last word of each page of WebAssembly.
    Edges,
    /// The first and the last word of each page of the kernel.
    KernelEdges,
    /// Every byte.
    Everything,
}

impl Extent {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Scattered, Self::Edges, Self::KernelEdges, Self::Everything];

    /// The number that the guest knows it by.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Scattered => 0,
            Self::Edges => 1,
            Self::KernelEdges => 2,
            Self::Everything => 3,
        }
    }
}

impl Tenant {
    /// The suffixes of the exports, one for each core instance.
    pub(crate) fn suffixes(&self) -> impl Iterator<Item = char> {
        ('a'..='z').take(self.cores.len())
    }

    /// The component's text.
    ///
    /// For each core instance, with its suffix: `scan` counts what does not belong there; `write(seed, extent)` writes, after
    /// growing all it can if the seed is odd; `trap` and `spin` do so and do not return; `receive` has the host write.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("(component\n");
        for (suffix, core) in self.suffixes().zip(self.cores) {
            let module = core.text();
            // Writing to a string does not fail.
            let _ = write!(
                text,
                r#"
  (core module $module-{suffix} {module})
  (core instance $core-{suffix} (instantiate $module-{suffix}))
  (alias core export $core-{suffix} "memory" (core memory $memory-{suffix}))
  (alias core export $core-{suffix} "realloc" (core func $realloc-{suffix}))
  (func (export "scan-{suffix}") (result u64) (canon lift (core func $core-{suffix} "scan")))
  (func (export "write-{suffix}") (param "seed" u64) (param "extent" u32)
    (canon lift (core func $core-{suffix} "write")))
  (func (export "trap-{suffix}") (param "seed" u64) (param "extent" u32)
    (canon lift (core func $core-{suffix} "trap")))
  (func (export "spin-{suffix}") (param "seed" u64) (param "extent" u32)
    (canon lift (core func $core-{suffix} "spin")))
  (func (export "receive-{suffix}") (param "bytes" (list u8))
    (canon lift (core func $core-{suffix} "receive") (memory $memory-{suffix}) (realloc $realloc-{suffix})))
"#
            );
        }
        text.push(')');
        text
    }
}

impl Core {
    fn text(&self) -> String {
        let (pages, pages_max) = self.pages;
        let (elements, elements_max) = self.elements;
        let own = "$mine ".repeat(OWN_ELEMENTS as usize);
        let data: String = self.image.iter().map(segment).collect();
        let image: String = self.image.iter().map(word_of_segment).collect();
        format!(
            r#"
    (memory (export "memory") {pages} {pages_max})
    (table $table {elements} {elements_max} funcref)
    (global $global (mut i64) (i64.const 7))
    (type $answer (func (result i32)))
    (func $mine (type $answer) (i32.const 1))
    (func $theirs (type $answer) (i32.const 2))
    (elem (i32.const 0) func {own})
    (elem declare func $theirs)
    {data}

    ;; The word that belongs at an address.
    (func $image (param $at i32) (result i64)
      {image}
      (i64.const 0))

    (func $grow
      (if (i32.eq (i32.const -1) (memory.grow (i32.sub (i32.const {pages_max}) (memory.size)))) (then (unreachable)))
      (if (i32.eq (i32.const -1)
            (table.grow $table (ref.null func) (i32.sub (i32.const {elements_max}) (table.size $table))))
        (then (unreachable))))

    (func $bytes (result i32) (i32.mul (memory.size) (i32.const {PAGE})))

    (func $scan-elements (result i64) (local $at i32) (local $found i64)
      (loop $next
        (if (i32.lt_u (local.get $at) (i32.const {OWN_ELEMENTS}))
          (then (if (i32.ne (i32.const 1) (call_indirect $table (type $answer) (local.get $at)))
            (then (local.set $found (i64.add (local.get $found) (i64.const 1))))))
          (else (if (i32.eqz (ref.is_null (table.get $table (local.get $at))))
            (then (local.set $found (i64.add (local.get $found) (i64.const 1)))))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $at) (table.size $table))))
      (local.get $found))

    (func $scan-memory (result i64) (local $at i32) (local $found i64)
      (loop $next
        (if (i64.ne (i64.load (local.get $at)) (call $image (local.get $at)))
          (then (local.set $found (i64.add (local.get $found) (i64.const 1)))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $at) (call $bytes))))
      (local.get $found))

    (func (export "scan") (result i64) (local $found i64)
      (local.set $found (i64.add
        (i64.extend_i32_u (i32.ne (memory.size) (i32.const {pages})))
        (i64.add
          (i64.extend_i32_u (i32.ne (table.size $table) (i32.const {elements})))
          (i64.extend_i32_u (i64.ne (global.get $global) (i64.const 7))))))
      ;; Before growing, since growing clears what it adds to a table.
      (local.set $found (i64.add (local.get $found) (call $scan-elements)))
      (call $grow)
      (i64.add (local.get $found) (i64.add (call $scan-elements) (call $scan-memory))))

    (func $spoil (param $at i32) (param $seed i64)
      (i64.store (local.get $at)
        (i64.xor (call $image (local.get $at)) (i64.or (local.get $seed) (i64.const 1)))))

    (func $spoil-edges (param $seed i64) (param $step i32) (local $at i32)
      (loop $next
        (call $spoil (local.get $at) (local.get $seed))
        (local.set $at (i32.add (local.get $at) (local.get $step)))
        (call $spoil (i32.sub (local.get $at) (i32.const 8)) (local.get $seed))
        (br_if $next (i32.lt_u (local.get $at) (call $bytes)))))

    (func $spoil-anywhere (param $seed i64) (local $left i32) (local $state i64)
      (local.set $left (i32.const 100))
      (local.set $state (i64.or (local.get $seed) (i64.const 1)))
      (loop $next
        (local.set $state (i64.xor (local.get $state) (i64.shl (local.get $state) (i64.const 13))))
        (local.set $state (i64.xor (local.get $state) (i64.shr_u (local.get $state) (i64.const 7))))
        (local.set $state (i64.xor (local.get $state) (i64.shl (local.get $state) (i64.const 17))))
        (call $spoil
          (i32.and (i32.const -8) (i32.wrap_i64 (i64.rem_u (local.get $state) (i64.extend_i32_u (call $bytes)))))
          (local.get $seed))
        (table.set $table
          (i32.wrap_i64 (i64.rem_u (local.get $state) (i64.extend_i32_u (table.size $table)))) (ref.func $theirs))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br_if $next (local.get $left))))

    (func $write (export "write") (param $seed i64) (param $extent i32)
      (if (i64.eqz (i64.rem_u (local.get $seed) (i64.const 2))) (then) (else (call $grow)))
      (global.set $global (local.get $seed))
      (call $spoil-anywhere (local.get $seed))
      (if (i32.eq (local.get $extent) (i32.const 1))
        (then (call $spoil-edges (local.get $seed) (i32.const {PAGE}))))
      (if (i32.eq (local.get $extent) (i32.const 2))
        (then (call $spoil-edges (local.get $seed) (i32.const 4096))))
      (if (i32.eq (local.get $extent) (i32.const 3))
        (then (memory.fill (i32.const 0) (i32.const 0xA5) (call $bytes))))
      (if (i32.ge_u (local.get $extent) (i32.const 2))
        (then (table.fill $table (i32.const 0) (ref.func $theirs) (table.size $table)))))

    (func (export "trap") (param $seed i64) (param $extent i32)
      (call $write (local.get $seed) (local.get $extent))
      (unreachable))

    (func (export "spin") (param $seed i64) (param $extent i32)
      (call $write (local.get $seed) (local.get $extent))
      (loop $on (br $on)))

    ;; Where the host writes what it passes: across the end of a page of the kernel.
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4000))
    (func (export "receive") (param i32 i32))
"#
        )
    }
}

fn word(at: u32) -> u64 {
    u64::from(at + 1).wrapping_mul(IMAGE_FACTOR)
}

fn segment(range: &Range<u32>) -> String {
    let words = range.clone().step_by(8).flat_map(|at| word(at).to_le_bytes());
    let bytes: String = words.fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\{byte:02x}");
        text
    });
    format!("(data (i32.const {}) \"{bytes}\")\n", range.start)
}

fn word_of_segment(range: &Range<u32>) -> String {
    let factor = IMAGE_FACTOR.cast_signed();
    format!(
        "(if (i32.and (i32.ge_u (local.get $at) (i32.const {})) (i32.lt_u (local.get $at) (i32.const {})))
        (then (return (i64.mul (i64.extend_i32_u (i32.add (local.get $at) (i32.const 1))) (i64.const {factor})))))\n",
        range.start, range.end
    )
}
