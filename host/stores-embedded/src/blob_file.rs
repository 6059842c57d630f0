//! The folder of content: a file each, written once and named after the content's id.
//!
//! A key never comes here, so none can lead out of the folder. A file is written under its own name: nobody looks for it
//! before a commit links it, which happens after file and folder are on the disk. So it needs no name aside, and what a
//! crash leaves is a file that nothing links.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use cap_std::fs::{Dir, OpenOptions};
use flint_model::ContentId;
use flint_stores::Unavailable;

/// The folder in the data folder.
const FOLDER: &str = "blobs";

/// The folder of content.
#[derive(Debug)]
pub(crate) struct BlobFolder(Dir);

impl BlobFolder {
    /// Opens the folder in a data folder; makes it if there is none.
    pub(crate) fn open(data: &Dir) -> io::Result<Self> {
        match data.create_dir(FOLDER) {
            Ok(()) => data.open(".")?.sync_all()?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        Ok(Self(data.open_dir(FOLDER)?))
    }

    /// What is free for content: see [`crate::backend::Medium::free`].
    pub(crate) fn free(&self) -> Result<u64, Unavailable> {
        crate::folder::free(&self.0)
    }

    /// Makes the file of a content.
    pub(crate) fn create(&self, id: ContentId) -> io::Result<File> {
        let options = OpenOptions::new().write(true).create_new(true).clone();
        Ok(self.0.open_with(id.to_string(), &options)?.into_std())
    }

    /// Makes a file that was written, and its name, durable.
    pub(crate) fn keep(&self, file: &File) -> io::Result<()> {
        file.sync_all()?;
        self.0.open(".")?.sync_all()
    }

    /// Opens the file of a content for reading from a byte on. It can be read to its end whatever becomes of its name.
    pub(crate) fn read(&self, id: ContentId, size: u64, start: u64) -> io::Result<File> {
        let mut file = self.0.open(id.to_string())?.into_std();
        let found = file.metadata()?.len();
        if found != size {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{id} has {found} bytes instead of {size}"),
            ));
        }
        file.seek(SeekFrom::Start(start))?;
        Ok(file)
    }

    /// Removes the file of a content, if there is one.
    pub(crate) fn remove(&self, id: ContentId) -> io::Result<()> {
        match self.0.remove_file(id.to_string()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The contents that there are files of. What else is in the folder is not ours to touch.
    pub(crate) fn list(&self) -> io::Result<Vec<ContentId>> {
        let mut ids = Vec::new();
        for entry in self.0.entries()? {
            ids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<ContentId>().ok()));
        }
        Ok(ids)
    }
}

/// Reads the next bytes: so many, or it fails.
pub(crate) fn next(file: &mut File, count: usize) -> io::Result<Vec<u8>> {
    let mut block = Vec::with_capacity(count);
    // Fills what was reserved, and does not write zeros there first.
    file.take(count as u64).read_to_end(&mut block)?;
    if block.len() == count { Ok(block) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
