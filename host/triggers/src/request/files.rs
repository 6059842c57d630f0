//! The files of a folder as answers: what lies in it and is no secret, and nothing else.
//!
//! The folder is opened once, and paths are resolved below it by the system, links too: one that leads out is not followed.
//! Names that begin with a dot are not served, a folder is never listed, and what is no regular file is not read. Files are read
//! off the runtime's threads, small ones at once, large ones piece by piece as the client takes them.

pub(super) mod condition;
pub(super) mod range;

use super::body::{AnswerBody, BoxError};
use super::problem::Refusal;
use bytes::{Bytes, BytesMut};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use condition::{Asked, Verdict, Version};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode, Uri};
use http_body::Frame;
use range::Part;
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The file that stands for a folder.
const INDEX: &str = "index.html";
/// A file, or a part of one, up to this size is read at once. A larger one is read in pieces of it.
const PIECE: usize = 64 << 10;

/// A folder whose files are served.
#[derive(Debug, Clone)]
pub struct Folder(Arc<Dir>);

/// What a path leads to.
enum Found {
    File(Opened),
    /// A folder, whose address ends in a slash.
    Folder,
    Nothing,
}

struct Opened {
    file: File,
    size: u64,
    modified: Option<SystemTime>,
    /// By its name.
    kind: HeaderValue,
}

/// A file, or a part of it, that is read while it is sent.
#[derive(Debug)]
pub struct FileBody {
    file: tokio::fs::File,
    left: u64,
    buffer: BytesMut,
    /// The file is open.
    _permit: OwnedSemaphorePermit,
}

impl Folder {
    /// Serves the files of a folder.
    pub fn new(dir: Dir) -> Self {
        Self(Arc::new(dir))
    }

    /// Answers a request for `path`, which is relative to the folder and decoded. The method is `GET` or `HEAD`.
    ///
    /// What the client has already is answered with the head that the file would have, which says whether it would be compressed:
    /// [`unchanged`] leaves of it what is to be sent.
    ///
    /// # Errors
    /// [`Refusal`]: there is no such file, the request has a condition that does not hold, or there is no `room` for a large file.
    pub(super) async fn answer<G>(
        &self,
        path: String,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        room: &Arc<Semaphore>,
    ) -> Result<Response<AnswerBody<G>>, Refusal> {
        let dir = Arc::clone(&self.0);
        let found = off_the_runtime(move || open(&dir, &path)).await?;
        let opened = match found {
            Found::File(opened) => opened,
            Found::Folder => return Ok(redirect(uri)),
            Found::Nothing => return Err(Refusal::NoFile),
        };
        let version = Version::new(opened.size, opened.modified);
        let asked = Asked { method, headers };
        let part = match asked.judge(&version) {
            Verdict::Send => asked.range(&version),
            Verdict::Unchanged => {
                let mut response = respond(opened, &version, Part::All, true, room).await?;
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                return Ok(response);
            }
            Verdict::Failed => return Err(Refusal::PreconditionFailed),
        };
        respond(opened, &version, part, *method == Method::HEAD, room).await
    }
}

/// Takes out of the head of a 304 what says of the content more than which it is (RFC 9110, section 15.4.5).
pub(super) fn unchanged(headers: &mut HeaderMap) {
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::ACCEPT_RANGES, header::X_CONTENT_TYPE_OPTIONS] {
        headers.remove(name);
    }
}

async fn respond<G>(
    opened: Opened,
    version: &Version,
    part: Part,
    head: bool,
    room: &Arc<Semaphore>,
) -> Result<Response<AnswerBody<G>>, Refusal> {
    let size = opened.size;
    let (status, start, length) = match part {
        Part::All => (StatusCode::OK, 0, size),
        Part::Some { start, length } => (StatusCode::PARTIAL_CONTENT, start, length),
        Part::None => return Err(Refusal::BadRange(size)),
    };
    let kind = opened.kind;
    let body = if head { AnswerBody::Host(Bytes::new()) } else { read(opened.file, start, length, room).await? };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    version.put(headers);
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Part::Some { start, length } = part {
        let range = format!("bytes {start}-{}/{size}", start + length - 1);
        // Digits are a value.
        headers.extend(HeaderValue::try_from(range).ok().map(|range| (header::CONTENT_RANGE, range)));
    }
    Ok(response)
}

/// Does what may block, and words what went wrong.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(io::Error::other).flatten().map_err(|error| {
        tracing::warn!(%error, "a file can't be read");
        Refusal::Unreadable
    })
}

fn open(dir: &Dir, path: &str) -> io::Result<Found> {
    let is_secret = |segment: &str| segment.starts_with('.');
    let (inner, is_folder) = path.strip_suffix('/').map_or((path, path.is_empty()), |inner| (inner, true));
    // An empty segment is nowhere in the file system, and here neither.
    if !path.is_empty() && inner.split('/').any(|segment| segment.is_empty() || is_secret(segment)) {
        return Ok(Found::Nothing);
    }
    let name = match (is_folder, inner) {
        (false, name) => name.to_owned(),
        (true, "") => INDEX.to_owned(),
        (true, folder) => format!("{folder}/{INDEX}"),
    };
    let mut options = OpenOptions::new();
    // Opening a pipe would wait for a writer.
    options.read(true).custom_flags(i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0));
    let file = match dir.open_with(&name, &options) {
        Ok(file) => file,
        Err(error) if is_nothing(&error) => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Ok(if is_folder { Found::Nothing } else { Found::Folder });
    }
    if !metadata.is_file() {
        return Ok(Found::Nothing);
    }
    let modified = metadata.modified().ok().map(cap_std::time::SystemTime::into_std);
    Ok(Found::File(Opened { size: metadata.len(), modified, kind: kind_of(&name), file: file.into_std() }))
}

/// Whether an error says no more than that there is nothing to be had: also where a link leads out of the folder.
fn is_nothing(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    let nothing = [Errno::LOOP, Errno::NXIO].map(|errno| Some(errno.raw_os_error()));
    matches!(error.kind(), K::NotFound | K::NotADirectory | K::PermissionDenied | K::InvalidFilename)
        || nothing.contains(&error.raw_os_error())
}

/// What a file is, by the end of its name. Text is UTF-8.
fn kind_of(name: &str) -> HeaderValue {
    let kind = mime_guess::from_path(name).first_raw().unwrap_or("application/octet-stream");
    let is_text = kind.starts_with("text/") || matches!(kind, "application/javascript" | "application/json");
    let kind = if is_text { format!("{kind}; charset=utf-8") } else { kind.to_owned() };
    HeaderValue::try_from(kind).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// The address of a folder, where the links of its page are right.
fn redirect<G>(uri: &Uri) -> Response<AnswerBody<G>> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = Response::new(AnswerBody::Host(Bytes::new()));
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    // What was a target is one with a slash. A path of two slashes leads to no folder, so this is no other host.
    if let Ok(location) = HeaderValue::try_from(format!("{}/{query}", uri.path())) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

async fn read<G>(mut file: File, start: u64, length: u64, room: &Arc<Semaphore>) -> Result<AnswerBody<G>, Refusal> {
    let at_once = usize::try_from(length).ok().filter(|length| *length <= PIECE);
    if let Some(length) = at_once {
        let bytes = off_the_runtime(move || {
            file.seek(SeekFrom::Start(start))?;
            let mut bytes = vec![0; length];
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        });
        return Ok(AnswerBody::Host(bytes.await?.into()));
    }
    // It stays open for as long as its client takes.
    let permit = Arc::clone(room).try_acquire_owned().map_err(|_| Refusal::TooManyFiles)?;
    let file = off_the_runtime(move || file.seek(SeekFrom::Start(start)).map(|_| file)).await?;
    Ok(AnswerBody::File(FileBody {
        file: tokio::fs::File::from_std(file),
        left: length,
        buffer: BytesMut::new(),
        _permit: permit,
    }))
}

impl FileBody {
    /// How much is still to come.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let wanted = usize::try_from(self.left).unwrap_or(PIECE).min(PIECE);
        self.buffer.resize(wanted, 0);
        let mut buffer = ReadBuf::new(&mut self.buffer);
        ready!(Pin::new(&mut self.file).poll_read(cx, &mut buffer))?;
        let read = buffer.filled().len();
        if read == 0 {
            // It was cut short meanwhile, and must not look complete.
            self.left = 0;
            return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())));
        }
        self.left -= u64::try_from(read).unwrap_or(u64::MAX).min(self.left);
        let mut piece = std::mem::take(&mut self.buffer);
        piece.truncate(read);
        Poll::Ready(Some(Ok(Frame::data(piece.freeze()))))
    }
}
