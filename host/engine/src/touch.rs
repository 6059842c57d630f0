//! Touches the pages of slots that nobody has used yet.
//!
//! An instance in a slot that was used before finds its pages resident. In a slot that nobody used, the guest's first writes
//! fault page by page: 20 to 40 µs on the path of the event. So when a pool grows into new slots, the refilling thread makes
//! those pages resident that every guest writes to. Contents do not change.
//!
//! Few others: one that is resident is reset behind each instance of its slot from then on, whether the guest wrote to it or not, and
//! passes through the caches. A hello writes to three pages, or to four. When twenty were touched, for whatever else a guest may write
//! to, it took 5 % more CPU a request with 64 connections.
//!
//! wasmtime does not say where a memory lies, but the kernel does: the image of each is a private mapping of a `.cwasm` file,
//! or of a memfd with a name of its own. A layout that is not recognised is left alone; it costs the faults.

use rustix::mm::{Advice, madvise};
use rustix::param::page_size;
use std::collections::HashSet;
use std::ffi::c_void;
use std::fs;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Remembers which images were touched.
#[derive(Debug)]
pub(crate) struct Toucher {
    done: HashSet<usize>,
    max: usize,
    /// Not before then: reading the map takes a millisecond with a thousand functions, and holds up who changes it.
    rests_until: Instant,
}

/// For how many times as long as it read the map it leaves it alone.
const REST: u32 = 100;

impl Toucher {
    /// Touches `max` slots at most: each then takes four pages more, also while nothing happens.
    pub(crate) fn new(max: usize) -> Self {
        Self { done: HashSet::new(), max, rests_until: Instant::now() }
    }

    /// Whether it may look for new images now.
    pub(crate) fn is_rested(&self) -> bool {
        Instant::now() >= self.rests_until
    }

    /// Touches the images that are new since the last call. Reads the process's memory map: about 1 µs for each mapping.
    pub(crate) fn touch_new(&mut self) {
        if self.max == 0 {
            return;
        }
        let began = Instant::now();
        let Ok(map) = fs::read_to_string("/proc/self/maps") else { return };
        let found = images(&map);
        self.rests_until = Instant::now() + REST * began.elapsed().min(Duration::from_millis(100));
        // Addresses of what is gone may come again, untouched.
        let there: HashSet<usize> = found.iter().map(|image| image.image.start).collect();
        self.done.retain(|start| there.contains(start));
        for found in found {
            if self.done.len() >= self.max {
                break;
            }
            if self.done.insert(found.image.start) {
                found.touched().into_iter().for_each(populate);
            }
        }
    }
}

/// The image of a memory and the writable mappings that touch it.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    image: Range<usize>,
    below: Option<Range<usize>>,
    above: Option<Range<usize>>,
}

impl Found {
    /// The pages that guests write to, as LLVM lays memories out: the top of the stack, which lies below the image; the end of the image,
    /// where variables lie behind constants, and where the heap begins; the page above, where it goes on; and the last one, whose end
    /// the allocator marks.
    fn touched(&self) -> [Range<usize>; 4] {
        let page = page_size();
        let first = |range: &Range<usize>| range.start..range.start.saturating_add(page).min(range.end);
        let last = |range: &Range<usize>| range.end.saturating_sub(page).max(range.start)..range.end;
        let nothing = 0..0;
        [
            self.below.as_ref().map_or(nothing.clone(), last),
            last(&self.image),
            self.above.as_ref().map_or(nothing.clone(), first),
            self.above.as_ref().map_or(nothing, last),
        ]
    }
}

/// A line of `/proc/self/maps`.
struct Mapping<'a> {
    range: Range<usize>,
    writable: bool,
    path: &'a str,
}

fn parse(line: &str) -> Option<Mapping<'_>> {
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let range = usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?;
    let writable = fields.next()?.starts_with("rw-p");
    Some(Mapping { range, writable, path: fields.nth(3).unwrap_or_default().trim_start() })
}

fn is_image(mapping: &Mapping<'_>) -> bool {
    let path = mapping.path.trim_end_matches(" (deleted)");
    mapping.writable && (path.ends_with(".cwasm") || path.ends_with("wasm-memory-image"))
}

fn images(map: &str) -> Vec<Found> {
    let mappings: Vec<Mapping<'_>> = map.lines().filter_map(parse).collect();
    let anonymous = |mapping: &&Mapping<'_>| mapping.writable && mapping.path.is_empty();
    let at = |index: Option<usize>| index.and_then(|index| mappings.get(index)).filter(anonymous);
    let mut found = Vec::new();
    for (index, mapping) in mappings.iter().enumerate().filter(|(_, mapping)| is_image(mapping)) {
        let image = mapping.range.clone();
        let below = at(index.checked_sub(1)).filter(|below| below.range.end == image.start);
        let above = at(Some(index + 1)).filter(|above| above.range.start == image.end);
        found.push(Found { below: below.map(|m| m.range.clone()), above: above.map(|m| m.range.clone()), image });
    }
    found
}

fn populate(range: Range<usize>) {
    if range.is_empty() {
        return;
    }
    // SAFETY: populating neither changes contents nor protection, and the kernel refuses what is not mapped and writable, so
    // that it is sound for any address, also if the mapping has gone since the map was read. `the_tests_of_isolation` run
    // over touched slots and would notice changed contents.
    #[expect(unsafe_code, reason = "saves the first event in a slot 20 to 40 µs of page faults")]
    let populated = unsafe {
        madvise(std::ptr::with_exposed_provenance_mut::<c_void>(range.start), range.len(), Advice::LinuxPopulateWrite)
    };
    if let Err(error) = populated {
        tracing::debug!(%error, ?range, "pages of a new slot could not be made resident");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_and_their_neighbours_are_found_in_the_map() {
        let map = "\
10000000-10100000 rw-p 00000000 00:00 0 
10100000-10105000 rw-p 00003000 fe:01 77                                 /data/compiled/ab12.cwasm
10105000-10200000 rw-p 00000000 00:00 0 
10200000-20000000 ---p 00000000 00:00 0 
30000000-30002000 rw-p 00000000 00:01 9                                  /memfd:wasm-memory-image (deleted)
40000000-40010000 r--p 00000000 fe:01 77                                 /data/compiled/ab12.cwasm
";
        let whole = Found {
            image: 0x1010_0000..0x1010_5000,
            below: Some(0x1000_0000..0x1010_0000),
            above: Some(0x1010_5000..0x1020_0000),
        };
        let alone = Found { image: 0x3000_0000..0x3000_2000, below: None, above: None };
        assert_eq!(
            whole.touched(),
            [0x100f_f000..0x1010_0000, 0x1010_4000..0x1010_5000, 0x1010_5000..0x1010_6000, 0x101f_f000..0x1020_0000]
        );
        assert_eq!(alone.touched(), [0..0, 0x3000_1000..0x3000_2000, 0..0, 0..0]);
        assert_eq!(images(map), [whole, alone]);
    }

    #[test]
    fn touching_is_harmless_where_nothing_is_mapped_and_followed_by_a_rest() {
        populate(0x1000..0x3000);
        let mut toucher = Toucher::new(10);
        assert!(toucher.is_rested());
        let began = Instant::now();
        toucher.touch_new();
        assert!(toucher.rests_until > began, "it rests from now on");
    }
}
