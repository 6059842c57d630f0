//! The tables of queues.
//!
//! A message is written once, when it is sent, and its row is removed when it is done with. What changes meanwhile is small
//! and stands in rows of their own, whose keys are in the order in which messages become visible:
//!
//! | table | key | value |
//! | --- | --- | --- |
//! | `queue` | queue | how many messages, of which kind |
//! | `message` | queue, number | header and body; or header and [`Aside`], which says where the body is |
//! | `ready` | queue, moment, number | a [`Ticket`]; of a FIFO queue a [`Turn`], one for each group |
//! | `group` | queue, group, number | not before when, and a [`Ticket`]: the messages of a group in their order |
//! | `turn` | queue, group | moment and number of the group's row in `ready` |
//! | `sent` | queue, deduplication id | until when, and the id of the message |
//! | `sent_expiry` | moment, key in `sent` | nothing |
//!
//! The moment of a row in `ready` is when its message may be received: so what is due is the beginning of the queue's range,
//! and leasing a message moves its row to where the lease ends. A queue's name ends with a NUL, a group begins with its
//! length, numbers and moments are big endian.

use bytes::Bytes;
use flint_model::{BucketName, MessageId, QueueName, StoreName, Timestamp, TopicName, TraceContext};
use flint_stores::{Attribute, Company, Death, Message, Order, Source, Stored};
use redb::{ReadableTable, StorageError, TableDefinition, TableError, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::blob::Link;
use super::logged::{Change, Logged, Redo};
use super::{Corrupt, NAME_END};
use crate::database::Failure;

pub(crate) type Bytewise = TableDefinition<'static, &'static [u8], &'static [u8]>;
pub(crate) const QUEUE: Bytewise = TableDefinition::new("queue");
pub(crate) const MESSAGE: Bytewise = TableDefinition::new("message");
pub(crate) const READY: Bytewise = TableDefinition::new("ready");
pub(crate) const GROUP: Bytewise = TableDefinition::new("group");
pub(crate) const TURN: Bytewise = TableDefinition::new("turn");
pub(crate) const SENT: Bytewise = TableDefinition::new("sent");
pub(crate) const SENT_EXPIRY: TableDefinition<&[u8], ()> = TableDefinition::new("sent_expiry");

type Rows<'tx> = Logged<'tx, &'static [u8], &'static [u8]>;

/// The tables of queues in a write transaction.
pub(crate) struct QueueTables<'tx> {
    pub(crate) queue: Rows<'tx>,
    pub(crate) message: Rows<'tx>,
    pub(crate) ready: Rows<'tx>,
    pub(crate) group: Rows<'tx>,
    pub(crate) turn: Rows<'tx>,
    pub(crate) sent: Rows<'tx>,
    pub(crate) sent_expiry: Logged<'tx, &'static [u8], ()>,
}

impl<'tx> QueueTables<'tx> {
    /// Opens the tables, and makes those that are not there.
    pub(crate) fn open(transaction: &'tx WriteTransaction, redo: &'tx Redo) -> Result<Self, TableError> {
        Ok(Self {
            queue: Logged::open(transaction, QUEUE, redo)?,
            message: Logged::open(transaction, MESSAGE, redo)?,
            ready: Logged::open(transaction, READY, redo)?,
            group: Logged::open(transaction, GROUP, redo)?,
            turn: Logged::open(transaction, TURN, redo)?,
            sent: Logged::open(transaction, SENT, redo)?,
            sent_expiry: Logged::open(transaction, SENT_EXPIRY, redo)?,
        })
    }

    /// Makes a change again that was noted; answers whether it is one of these tables.
    pub(super) fn redo(&mut self, change: &Change<'_>) -> Result<bool, StorageError> {
        Ok(self.queue.make(change)?
            || self.message.make(change)?
            || self.ready.make(change)?
            || self.group.make(change)?
            || self.turn.make(change)?
            || self.sent.make(change)?
            || self.sent_expiry.make(change)?)
    }
}

/// Where the rows of a queue begin.
pub(crate) fn queue_prefix(queue: &QueueName) -> Vec<u8> {
    let mut row = Vec::with_capacity(queue.as_str().len() + 1 + 2 * size_of::<u64>());
    row.extend(queue.as_str().as_bytes());
    row.push(NAME_END);
    row
}

/// The key of a message in `message`.
pub(crate) fn message_key(queue: &QueueName, number: u64) -> Vec<u8> {
    let mut row = queue_prefix(queue);
    row.extend(number.to_be_bytes());
    row
}

/// The number of a message in its key.
pub(crate) fn number_of(row: &[u8]) -> Result<u64, Corrupt> {
    let number = row.last_chunk().ok_or(Corrupt("a key of message"))?;
    Ok(u64::from_be_bytes(*number))
}

/// The key of a row in `ready`; with number 0, where the range of a moment begins.
pub(crate) fn ready_key(queue: &QueueName, at: Timestamp, number: u64) -> Vec<u8> {
    let mut row = queue_prefix(queue);
    row.extend(at.as_millis().to_be_bytes());
    row.extend(number.to_be_bytes());
    row
}

/// Moment and number in a key of `ready`.
pub(crate) fn split_ready_key(row: &[u8]) -> Result<(Timestamp, u64), Corrupt> {
    let corrupt = Corrupt("a key of ready");
    let (rest, number) = row.split_last_chunk().ok_or(corrupt)?;
    let at = rest.last_chunk().ok_or(corrupt)?;
    Ok((Timestamp::from_millis(u64::from_be_bytes(*at)), u64::from_be_bytes(*number)))
}

/// The key of a group in `turn`.
pub(crate) fn turn_key(queue: &QueueName, group: &str) -> Vec<u8> {
    let mut row = queue_prefix(queue);
    row.extend(group.as_bytes());
    row
}

/// Where the messages of a group begin in `group`.
pub(crate) fn group_prefix(queue: &QueueName, group: &str) -> Vec<u8> {
    let mut row = queue_prefix(queue);
    // No group is longer than that: `flint_stores::check` saw to it, and a name of a queue is shorter too.
    row.push(u8::try_from(group.len()).unwrap_or(u8::MAX));
    row.extend(group.as_bytes());
    row
}

/// The key of a message in `group`.
pub(crate) fn group_key(queue: &QueueName, group: &str, number: u64) -> Vec<u8> {
    let mut row = group_prefix(queue, group);
    row.extend(number.to_be_bytes());
    row
}

/// The key of a deduplication id in `sent`.
pub(crate) fn sent_key(queue: &QueueName, id: &str) -> Vec<u8> {
    let mut row = queue_prefix(queue);
    row.extend(id.as_bytes());
    row
}

/// A row of `queue`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) messages: u64,
    pub(crate) order: Order,
}

impl Count {
    pub(crate) fn parse(row: &[u8]) -> Result<Self, Corrupt> {
        let corrupt = Corrupt("a value of queue");
        let (messages, order) = row.split_first_chunk().ok_or(corrupt)?;
        let order = match order {
            [0] => Order::Standard,
            [1] => Order::Fifo,
            _ => return Err(corrupt),
        };
        Ok(Self { messages: u64::from_le_bytes(*messages), order })
    }

    pub(crate) fn row(self) -> [u8; 9] {
        let mut row = [0; 9];
        row[..8].copy_from_slice(&self.messages.to_le_bytes());
        row[8] = match self.order {
            Order::Standard => 0,
            Order::Fifo => 1,
        };
        row
    }
}

/// What changes about a message while it is in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// Which lease it has, or had if nobody settled it; 0 without.
    pub(crate) lease: u64,
    pub(crate) receives: u32,
    /// As it was settled last.
    company: Company,
}

impl Ticket {
    pub(crate) const SIZE: usize = 13;
    /// Of a message that nobody has seen.
    pub(crate) const NEW: Self = Self { lease: 0, receives: 0, company: Company::Any };

    pub(crate) fn parse(row: &[u8]) -> Result<Self, Corrupt> {
        let corrupt = Corrupt("a ticket of a message");
        let (lease, rest) = row.split_first_chunk().ok_or(corrupt)?;
        let (receives, company) = rest.split_first_chunk().ok_or(corrupt)?;
        let company = match company {
            [0] => Company::Any,
            [1] => Company::Alone,
            _ => return Err(corrupt),
        };
        Ok(Self { lease: u64::from_le_bytes(*lease), receives: u32::from_le_bytes(*receives), company })
    }

    pub(crate) fn row(self) -> [u8; Self::SIZE] {
        let mut row = [0; Self::SIZE];
        row[..8].copy_from_slice(&self.lease.to_le_bytes());
        row[8..12].copy_from_slice(&self.receives.to_le_bytes());
        row[12] = match self.company {
            Company::Any => 0,
            Company::Alone => 1,
        };
        row
    }

    /// In whose company the message comes: alone also if a lease of it ended without a word.
    pub(crate) fn company(self) -> Company {
        if self.lease == 0 { self.company } else { Company::Alone }
    }

    /// Received once more.
    pub(crate) fn leased(self, lease: u64) -> Self {
        Self { lease, receives: self.receives.saturating_add(1), ..self }
    }

    /// Back in the queue.
    pub(crate) fn retried(self, receives: u32, company: Company) -> Self {
        Self { lease: 0, receives, company }
    }
}

/// A message of a group, as `group` holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    /// Nobody sees it before.
    pub(crate) visible_at: Timestamp,
    pub(crate) ticket: Ticket,
}

impl Member {
    pub(crate) fn parse(row: &[u8]) -> Result<Self, Corrupt> {
        let (at, ticket) = row.split_first_chunk().ok_or(Corrupt("a value of group"))?;
        Ok(Self { visible_at: Timestamp::from_millis(u64::from_le_bytes(*at)), ticket: Ticket::parse(ticket)? })
    }

    pub(crate) fn row(self) -> [u8; 8 + Ticket::SIZE] {
        let mut row = [0; 8 + Ticket::SIZE];
        row[..8].copy_from_slice(&self.visible_at.as_millis().to_le_bytes());
        row[8..].copy_from_slice(&self.ticket.row());
        row
    }
}

/// Whose turn it is: a group, as `ready` holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    /// The lease that hides the group, or hid it last; 0 without.
    pub(crate) lease: u64,
    /// How many of its messages have that lease.
    pub(crate) leased: u32,
    pub(crate) group: String,
}

impl Turn {
    pub(crate) fn parse(row: &[u8]) -> Result<Self, Corrupt> {
        let corrupt = Corrupt("a group in ready");
        let (lease, rest) = row.split_first_chunk().ok_or(corrupt)?;
        let (leased, group) = rest.split_first_chunk().ok_or(corrupt)?;
        let group = str::from_utf8(group).map_err(|_| corrupt)?.to_owned();
        Ok(Self { lease: u64::from_le_bytes(*lease), leased: u32::from_le_bytes(*leased), group })
    }

    /// Whether a message of the group has its last lease.
    pub(crate) fn has_leased(&self, member: &Member) -> bool {
        self.lease > 0 && member.ticket.lease == self.lease
    }

    pub(crate) fn row(&self) -> Vec<u8> {
        let mut row = Vec::with_capacity(12 + self.group.len());
        row.extend(self.lease.to_le_bytes());
        row.extend(self.leased.to_le_bytes());
        row.extend(self.group.as_bytes());
        row
    }
}

/// Moment and number, as `turn` holds them.
pub(crate) fn turn_row(at: Timestamp, number: u64) -> [u8; 16] {
    let mut row = [0; 16];
    row[..8].copy_from_slice(&at.as_millis().to_be_bytes());
    row[8..].copy_from_slice(&number.to_be_bytes());
    row
}

/// What `sent` holds: until when a deduplication id counts, and the message that it was sent with.
pub(crate) fn sent_row(until: Timestamp, id: MessageId) -> [u8; 24] {
    let mut row = [0; 24];
    row[..8].copy_from_slice(&until.as_millis().to_le_bytes());
    row[8..].copy_from_slice(&id.to_bytes());
    row
}

pub(crate) fn split_sent_row(row: &[u8]) -> Result<(Timestamp, MessageId), Corrupt> {
    let corrupt = Corrupt("a value of sent");
    let (until, id) = row.split_first_chunk().ok_or(corrupt)?;
    let id = MessageId::from_bytes(id.try_into().map_err(|_| corrupt)?);
    Ok((Timestamp::from_millis(u64::from_le_bytes(*until)), id))
}

/// What a row of `message` begins with, behind its own length.
#[derive(Debug, Serialize, Deserialize)]
struct Header<'a> {
    id: [u8; 16],
    sent_at: u64,
    depth: u32,
    #[serde(borrow)]
    attributes: Vec<(&'a str, &'a str)>,
    group: Option<&'a str>,
    trace: Option<(String, Option<&'a str>)>,
    source: Option<SourceHeader<'a>>,
    death: Option<DeathHeader<'a>>,
}

/// Where the body of a message is that lies in a bucket. It stands right behind the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Aside {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) link: Link,
}

#[derive(Debug, Serialize, Deserialize)]
struct DeathHeader<'a> {
    queue: &'a str,
    reason: &'a str,
    receives: u32,
    at: u64,
}

#[derive(Debug, Serialize, Deserialize)]
enum SourceHeader<'a> {
    Topic(&'a str),
    Store(&'a str),
    Bucket(&'a str),
}

impl<'a> SourceHeader<'a> {
    fn of(source: &'a Source) -> Self {
        match source {
            Source::Topic(topic) => Self::Topic(topic.as_str()),
            Source::Store(store) => Self::Store(store.as_str()),
            Source::Bucket(bucket) => Self::Bucket(bucket.as_str()),
        }
    }

    fn source(&self) -> Option<Source> {
        match self {
            Self::Topic(topic) => TopicName::parse(topic).map(Source::Topic).ok(),
            Self::Store(store) => StoreName::parse(store).map(Source::Store).ok(),
            Self::Bucket(bucket) => BucketName::parse(bucket).map(Source::Bucket).ok(),
        }
    }
}

/// Writes a row of `message`, in the group that it has in its queue; without the body, if that is aside.
pub(crate) fn write_message(
    row: &mut Vec<u8>,
    message: &Message,
    group: Option<&str>,
    sent_at: Timestamp,
    death: Option<&Death>,
    aside: Option<&Aside>,
) -> Result<(), Failure> {
    let header = Header {
        id: message.id.to_bytes(),
        sent_at: sent_at.as_millis(),
        depth: message.depth,
        attributes: message.attributes.iter().map(|one| (one.name.as_str(), one.value.as_str())).collect(),
        group,
        trace: message.trace.as_ref().map(|trace| (trace.traceparent(), trace.tracestate())),
        source: message.source.as_ref().map(SourceHeader::of),
        death: death.map(|death| DeathHeader {
            queue: death.queue.as_str(),
            reason: &death.reason,
            receives: death.receives,
            at: death.at.as_millis(),
        }),
    };
    row.clear();
    row.extend([0; 4]);
    let unwritable = Corrupt("the header of a message");
    *row = postcard::to_extend(&header, std::mem::take(row)).map_err(|_| unwritable)?;
    if let Some(aside) = aside {
        *row = postcard::to_extend(aside, std::mem::take(row)).map_err(|_| unwritable)?;
    }
    let length = u32::try_from(row.len() - 4).map_err(|_| unwritable)?;
    row[..4].copy_from_slice(&length.to_le_bytes());
    if aside.is_none() {
        row.extend(&message.body);
    }
    Ok(())
}

/// What stands before the body in a row of `message`, and the body.
fn split_body(row: &[u8]) -> Result<(&[u8], &[u8]), Corrupt> {
    let corrupt = Corrupt("a value of message");
    let (length, rest) = row.split_first_chunk().ok_or(corrupt)?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or(corrupt)
}

/// The three parts of a row of `message`: header, where the body is if it is aside, and the body if not.
fn split_row(row: &[u8]) -> Result<(Header<'_>, Option<Aside>, &[u8]), Corrupt> {
    let corrupt = Corrupt("a value of message");
    let (header, body) = split_body(row)?;
    let (header, aside) = postcard::take_from_bytes(header).map_err(|_| corrupt)?;
    let aside = (!aside.is_empty()).then(|| postcard::from_bytes(aside).map_err(|_| corrupt)).transpose()?;
    Ok((header, aside, body))
}

/// Where the body of a message is, if it is aside. Of a body that is in the row, nothing is read: each message that is done comes
/// by here.
pub(crate) fn aside_of(row: &[u8]) -> Result<Option<Aside>, Corrupt> {
    if !split_body(row)?.1.is_empty() {
        return Ok(None);
    }
    Ok(split_row(row)?.1)
}

/// Reads a row of `message`, with its body wherever that is.
pub(crate) fn read_whole(
    row: &[u8],
    receives: u32,
    bodies: &impl ReadableTable<&'static [u8], &'static [u8]>,
) -> Result<Stored, Failure> {
    let (header, aside, body) = split_row(row)?;
    let body = match aside {
        None => Bytes::copy_from_slice(body),
        Some(aside) => {
            let body = bodies.get(aside.link.content().to_bytes().as_slice())?;
            Bytes::copy_from_slice(body.ok_or(Corrupt("a message, whose body is not there,"))?.value())
        }
    };
    Ok(stored(header, body, receives)?)
}

/// Reads a row of `message`; without its body, if that is aside.
pub(crate) fn read_message(row: &[u8], receives: u32) -> Result<Stored, Corrupt> {
    let (header, _, body) = split_row(row)?;
    stored(header, Bytes::copy_from_slice(body), receives)
}

fn stored(header: Header<'_>, body: Bytes, receives: u32) -> Result<Stored, Corrupt> {
    let corrupt = Corrupt("a value of message");
    let death = match header.death {
        Some(death) => Some(Death {
            queue: QueueName::parse(death.queue).map_err(|_| corrupt)?,
            reason: death.reason.to_owned(),
            receives: death.receives,
            at: Timestamp::from_millis(death.at),
        }),
        None => None,
    };
    let attribute = |(name, value): (&str, &str)| Attribute { name: name.to_owned(), value: value.to_owned() };
    let message = Message {
        id: MessageId::from_bytes(header.id),
        body,
        attributes: header.attributes.into_iter().map(attribute).collect(),
        group: header.group.map(str::to_owned),
        trace: header.trace.and_then(|(parent, state)| TraceContext::parse(&parent, state)),
        depth: header.depth,
        source: header.source.map(|source| source.source().ok_or(corrupt)).transpose()?,
    };
    Ok(Stored { message, sent_at: Timestamp::from_millis(header.sent_at), receives, death })
}

/// The count of a queue, if it ever held a message.
pub(crate) fn count(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    queue: &QueueName,
) -> Result<Option<Count>, Failure> {
    let Some(row) = table.get(queue.as_str().as_bytes())? else { return Ok(None) };
    Ok(Some(Count::parse(row.value())?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use flint_model::ContentId;
    use flint_stores::{Content, Etag};

    use super::*;

    fn jobs() -> QueueName {
        QueueName::parse("jobs").expect("a name")
    }

    #[test]
    fn a_message_reads_as_it_was_written() {
        let at = Timestamp::from_millis;
        let attribute = Attribute { name: "n".to_owned(), value: "é".to_owned() };
        let whole = Message {
            attributes: vec![attribute],
            group: Some("g".to_owned()),
            trace: TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Some("a=1")),
            depth: 3,
            source: Some(Source::Topic(TopicName::parse("news").expect("a name"))),
            ..Message::new(MessageId::new(at(5), 1), "body")
        };
        let death = Death { queue: jobs(), reason: "x".to_owned(), receives: 4, at: at(6) };
        let mut row = b"what was there before".to_vec();
        for (message, death) in [(whole, Some(death)), (Message::new(MessageId::new(at(5), 1), ""), None)] {
            write_message(&mut row, &message, message.group.as_deref(), at(7), death.as_ref(), None)
                .expect("it has a row");
            assert_eq!(read_message(&row, 2), Ok(Stored { message, sent_at: at(7), receives: 2, death }));
        }
        let content = Content::inline(ContentId::now(), "body".into(), Etag::of(b"body"));
        let link = Link::new(&content, (None, &BTreeMap::new()));
        let aside = Aside { bucket: "b".to_owned(), key: "jobs/1".to_owned(), link };
        let message = Message::new(MessageId::new(at(5), 1), "body");
        write_message(&mut row, &message, None, at(7), None, Some(&aside)).expect("it has a row");
        assert_eq!(aside_of(&row), Ok(Some(aside)));
        assert_eq!(read_message(&row, 0).map(|stored| stored.message), Ok(Message { body: "".into(), ..message }));
        for cut in [0, 3, 4, 10] {
            assert!(read_message(&row[..cut], 0).is_err(), "{cut} bytes");
        }
    }

    #[test]
    fn small_rows_read_as_they_were_written() {
        let ticket = Ticket { lease: 7, receives: 3, company: Company::Alone };
        assert_eq!(Ticket::parse(&ticket.row()), Ok(ticket));
        let member = Member { visible_at: Timestamp::from_millis(9), ticket };
        assert_eq!(Member::parse(&member.row()), Ok(member));
        let turn = Turn { lease: 1, leased: 2, group: "g".to_owned() };
        assert_eq!(Turn::parse(&turn.row()), Ok(turn));
        let count = Count { messages: 5, order: Order::Fifo };
        assert_eq!(Count::parse(&count.row()), Ok(count));
        let id = MessageId::new(Timestamp::from_millis(1), 2);
        assert_eq!(split_sent_row(&sent_row(Timestamp::from_millis(3), id)), Ok((Timestamp::from_millis(3), id)));
        assert_eq!(
            split_ready_key(&ready_key(&jobs(), Timestamp::from_millis(3), 4)),
            Ok((Timestamp::from_millis(3), 4))
        );
        assert!(Ticket::parse(&[0; 12]).is_err() && Ticket::parse(&[9; 13]).is_err() && Count::parse(&[2; 9]).is_err());
    }

    #[test]
    fn rows_of_a_queue_are_together_and_in_order() {
        let (a, ab) = (QueueName::parse("a").expect("a name"), QueueName::parse("a/b").expect("a name"));
        let at = Timestamp::from_millis;
        assert!(ready_key(&a, at(1), 9) < ready_key(&a, at(2), 1));
        assert!(ready_key(&a, at(2), 1) < ready_key(&a, at(2), 2));
        assert!(!ready_key(&ab, at(0), 0).starts_with(&queue_prefix(&a)));
        assert!(!group_key(&a, "gg", 1).starts_with(&group_prefix(&a, "g")), "no group is in another one's range");
    }
}
