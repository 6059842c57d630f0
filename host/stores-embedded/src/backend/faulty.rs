//! A disk in memory that does to a database what disks do: it refuses, freezes, dies, and forgets what was not synced.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use flint_stores::Unavailable;
use parking_lot::{Condvar, Mutex, MutexGuard};
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _};
use redb::StorageBackend;

use super::Medium;

const SECTOR: usize = 512;
const FROZEN_MAX: Duration = Duration::from_secs(10);

/// The disk. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    files: [File; 2],
    fault: Fault,
    syncs: usize,
    opened: usize,
}

/// The files of a disk: the database's, and its log.
const DATABASE: usize = 0;
const LOG: usize = 1;

#[derive(Debug, Default)]
struct File {
    /// What survives a power cut for certain.
    synced: Vec<u8>,
    /// What reads see.
    current: Vec<u8>,
    /// What was changed since the last sync, in order: each may survive a power cut, or not, or in part.
    pending: VecDeque<Change>,
}

/// An open file.
#[derive(Debug)]
struct Handle {
    disk: Disk,
    file: usize,
}

#[derive(Debug)]
enum Change {
    Len(usize),
    Data { offset: usize, bytes: Vec<u8> },
}

/// What is wrong with the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    #[default]
    None,
    /// It is full: it can't grow.
    Full,
    /// It says that so many bytes are free.
    Low(u64),
    /// It takes no writes.
    ReadOnly,
    /// The next sync fails, and only that one: so it is with the kernel, too.
    Sync,
    /// Syncs don't come to an end, until the fault is another one; or ten seconds are over, so that no test hangs.
    Frozen,
    /// It takes so many more changes and syncs, then nothing works any more.
    DiesAfter(usize),
}

impl Disk {
    /// Breaks or repairs the disk.
    pub(crate) fn set(&self, fault: Fault) {
        self.lock().fault = fault;
        self.state.1.notify_all();
    }

    /// How many syncs there were.
    pub(crate) fn syncs(&self) -> usize {
        self.lock().syncs
    }

    /// How often it was opened.
    pub(crate) fn opened(&self) -> usize {
        self.lock().opened
    }

    /// Takes the power away and gives it back: any of the changes since the last sync survive, whole or torn.
    pub(crate) fn cut_power(&self, rng: &mut StdRng) {
        let mut state = self.lock();
        for File { synced, current, pending } in &mut state.files {
            for change in pending.drain(..) {
                match rng.random_range(0..3) {
                    0 => {}
                    1 => change.apply(synced, |_| true),
                    _ => change.apply(synced, |_| rng.next_u32() & 1 == 0),
                }
            }
            current.clone_from(synced);
        }
        state.fault = Fault::None;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.0.lock()
    }
}

impl Change {
    /// How long the file has to be.
    fn end(&self) -> usize {
        match self {
            Self::Len(len) => *len,
            Self::Data { offset, bytes } => offset + bytes.len(),
        }
    }

    /// Applies the sectors that `survives` lets through.
    fn apply(&self, to: &mut Vec<u8>, mut survives: impl FnMut(usize) -> bool) {
        match self {
            Self::Len(len) => to.resize(*len, 0),
            Self::Data { offset, bytes } => {
                let end = offset + bytes.len();
                if to.len() < end {
                    to.resize(end, 0);
                }
                let mut at = *offset;
                while at < end {
                    let next = ((at / SECTOR + 1) * SECTOR).min(end);
                    if survives(at) {
                        to[at..next].copy_from_slice(&bytes[at - offset..next - offset]);
                    }
                    at = next;
                }
            }
        }
    }
}

impl State {
    fn change(&mut self, file: usize, change: Change) -> io::Result<()> {
        if self.fault == Fault::Full && change.end() > self.files[file].current.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.step()?;
        change.apply(&mut self.files[file].current, |_| true);
        self.files[file].pending.push_back(change);
        Ok(())
    }

    /// One step towards the end of a dying disk.
    fn step(&mut self) -> io::Result<()> {
        match &mut self.fault {
            Fault::DiesAfter(0) => Err(io::Error::other("the disk is dead")),
            Fault::DiesAfter(left) => {
                *left -= 1;
                Ok(())
            }
            Fault::ReadOnly => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
            _ => Ok(()),
        }
    }
}

impl Medium for Disk {
    fn open(&self) -> io::Result<Box<dyn StorageBackend>> {
        self.lock().opened += 1;
        Ok(Box::new(Handle { disk: self.clone(), file: DATABASE }))
    }

    fn make_log(&self) -> io::Result<()> {
        Ok(())
    }

    fn open_log(&self) -> io::Result<Box<dyn StorageBackend>> {
        Ok(Box::new(Handle { disk: self.clone(), file: LOG }))
    }

    fn free(&self) -> Result<u64, Unavailable> {
        match self.lock().fault {
            Fault::ReadOnly => Err(Unavailable::ReadOnly),
            Fault::Low(free) => Ok(free),
            _ => Ok(u64::MAX),
        }
    }
}

impl StorageBackend for Handle {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.lock().files[self.file].current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.disk.lock();
        if state.fault == Fault::DiesAfter(0) {
            return Err(io::Error::other("the disk is dead"));
        }
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes =
            state.files[self.file].current.get(offset..offset + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(io::Error::other)?;
        self.disk.lock().change(self.file, Change::Len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.lock();
        while state.fault == Fault::Frozen {
            if self.disk.state.1.wait_for(&mut state, FROZEN_MAX).timed_out() {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        if state.fault == Fault::Sync {
            state.fault = Fault::None;
            return Err(io::Error::other("the disk did not keep it"));
        }
        state.step()?;
        let File { synced, pending, .. } = &mut state.files[self.file];
        pending.drain(..).for_each(|change| change.apply(synced, |_| true));
        state.syncs += 1;
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        self.disk.lock().change(self.file, Change::Data { offset, bytes: data.to_vec() })
    }
}
