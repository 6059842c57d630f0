//! A block of content on its way to a file: the pieces as they came, and no copy of them if they are large.

use std::fs::File;
use std::io::{self, IoSlice, Write as _};

use bytes::{Bytes, BytesMut};
use flint_stores::blob::Digest;

/// A piece that is smaller than this is copied, as it may hold on to a buffer that is much larger; and the kernel takes a few large
/// pieces faster than many small ones.
const COPIED_BELOW: usize = 16 << 10;

/// Pieces, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pieces: Vec<Bytes>,
    /// Small pieces, behind the others.
    copied: BytesMut,
    len: usize,
}

impl Block {
    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, piece: Bytes) {
        self.len += piece.len();
        if piece.len() < COPIED_BELOW {
            self.copied.extend_from_slice(&piece);
        } else {
            self.close();
            self.pieces.push(piece);
        }
    }

    /// What comes now does not come behind what was copied.
    fn close(&mut self) {
        if !self.copied.is_empty() {
            self.pieces.push(self.copied.split().freeze());
        }
    }

    /// Adds it to a digest.
    pub(crate) fn digest(&self, digest: &mut Digest) {
        self.pieces.iter().for_each(|piece| digest.update(piece));
        digest.update(&self.copied);
    }

    /// All of it in one piece.
    pub(crate) fn into_bytes(mut self) -> Bytes {
        self.close();
        match &mut self.pieces[..] {
            [one] => std::mem::take(one),
            pieces => pieces.concat().into(),
        }
    }

    /// Writes it behind what a file has.
    pub(crate) fn append(&self, file: &mut File) -> io::Result<()> {
        let pieces = self.pieces.iter().map(|piece| &piece[..]).chain([&self.copied[..]]);
        let mut slices: Vec<_> = pieces.map(IoSlice::new).collect();
        let mut rest = &mut slices[..];
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match file.write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_its_pieces_in_their_order_whatever_their_sizes() {
        let sizes = [1, COPIED_BELOW, 0, 7, COPIED_BELOW - 1, 3 * COPIED_BELOW, COPIED_BELOW, 5];
        for count in 0..=sizes.len() {
            let mut block = Block::default();
            let pieces = sizes.iter().zip(1..).take(count).map(|(size, byte)| Bytes::from(vec![byte; *size]));
            let whole = pieces.clone().collect::<Vec<_>>().concat();
            pieces.for_each(|piece| block.push(piece));
            let mut digest = Digest::default();
            block.digest(&mut digest);
            assert_eq!((block.len(), digest.etag()), (whole.len(), flint_stores::Etag::of(&whole)), "{count}");
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("block");
            block.append(&mut File::create(&path).expect("a file")).expect("written");
            assert!(std::fs::read(&path).expect("a file") == whole, "{count}");
            assert!(block.into_bytes() == whole, "{count}");
        }
    }

    #[test]
    fn a_small_piece_does_not_hold_on_to_what_it_is_a_piece_of() {
        let large = Bytes::from(vec![0; 1 << 20]);
        let mut block = Block::default();
        block.push(large.slice(..COPIED_BELOW - 1));
        assert!(large.is_unique());
        block.push(large.slice(..COPIED_BELOW));
        assert!(!large.is_unique(), "and a large one is not copied");
    }
}
