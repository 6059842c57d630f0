//! What clients of HTTP/2 send to the door: frames that are right, frames that are not, and what is no frame.

use crate::door::Served;
use crate::{Script, fuzz};

/// How each connection begins (RFC 9113, section 3.4), and settings that change nothing.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A ping whose answer says that all before it was read.
const LAST: [u8; 8] = *b"the last";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Fields of requests. One that is in the static table of HPACK (RFC 7541, appendix A) is written as its number.
const FIELDS: &[(&str, &str)] = &[
    ("host", "a"),
    ("te", "trailers"),
    ("cookie", "a=1"),
    ("range", "bytes=0-"),
    ("accept-encoding", "gzip"),
    ("origin", "https://a.org"),
    ("access-control-request-method", "POST"),
    ("x-forwarded-for", "1.2.3.4"),
    ("x-forwarded-for", "unknown, \t"),
    ("forwarded", "for=\"[::1]:80\";proto=https"),
    ("expect", "100-continue"),
    ("flint-version", "1"),
    ("if-none-match", "*"),
    // From here on, none is right behind the four that make a request.
    (":method", "CONNECT"),
    (":path", ""),
    (":scheme", "ftp"),
    (":authority", "user@b.example.com:99999"),
    (":status", "200"),
    (":protocol", "websocket"),
    ("host", "b"),
    ("content-length", "3"),
    ("content-length", "99999999999999999999"),
    ("transfer-encoding", "chunked"),
    ("connection", "close"),
    ("cookie", "\u{0}"),
    ("Upper", "case"),
    ("", "nameless"),
    ("bad name", "x"),
    ("a", "line\r\nfeed"),
];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short one").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A field, as a literal that nobody remembers; or as one that both sides do.
fn field((name, value): (&str, &str), is_remembered: bool) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).expect("a short one")], text.as_bytes()].concat();
    [vec![if is_remembered { 0x40 } else { 0 }], text(name), text(value)].concat()
}

const METHODS: &[&str] = &["GET", "POST", "HEAD", "OPTIONS"];

const PATHS: &[&str] =
    &["/", "/form", "/files/large.txt", "/files/sub", "/files/%2e%2e/secret", "/rare/a", "/a?b", "*"];

/// How many of [`FIELDS`] are right.
const RIGHT: usize = 13;

/// The head of a request, and some fields more. `is_wild`: these need not be right, nor fields at all.
fn head(script: &mut Script<'_>, is_wild: bool) -> Vec<u8> {
    let what = script.byte();
    let is_remembered = what & 0x40 != 0;
    let mut block = Vec::new();
    if !is_wild || what & 0x80 == 0 {
        let needed = [(":method", script.choose(METHODS)), (":path", script.choose(PATHS))];
        let needed = needed.into_iter().chain([(":scheme", "http"), (":authority", "a")]);
        block.extend(needed.flat_map(|needed| field(needed, is_remembered)));
    }
    for _ in 0..what & 7 {
        let which = script.byte();
        match which {
            // Whatever a number or a length of HPACK may be.
            0xe0.. if is_wild => block.extend(script.raw(which & 7)),
            _ => {
                let count = if is_wild { FIELDS.len() } else { RIGHT };
                block.extend(field(FIELDS[usize::from(which) % count], is_remembered));
            }
        }
    }
    block
}

/// Makes what a client says of an input: as it is, if it starts with a space; else byte by byte, what kind of frame comes, and
/// what is in it. Most often all frames are right, or are until the last ones: what is not ends the connection, and nobody looks
/// at what is said besides.
fn frames(input: &[u8]) -> Vec<u8> {
    if let Some((b' ', rest)) = input.split_first() {
        return rest.to_vec();
    }
    let mut script = Script::of(input);
    let mut said = Vec::new();
    let (mut last, mut next): (u32, u32) = (1, 1);
    let tame = usize::from(script.byte());
    for count in 0.. {
        if script.is_over() {
            break;
        }
        let is_wild = count >= tame;
        let what = script.byte();
        // Most often the stream that was opened last; if it may be wrong, one before or behind it, or the connection.
        let stream = match what & 0x0f {
            0 if is_wild => 0,
            1 if is_wild => last + 2,
            2 if is_wild => last.saturating_sub(2),
            3 if is_wild => last + 1,
            _ => last,
        };
        let number = script.byte();
        let kind = what >> 4;
        said.extend(match if is_wild { kind } else { kind % 10 } {
            // All that follows needs a stream.
            _ if next == 1 && !is_wild => open(&mut script, number, false, (&mut last, &mut next)),
            0..=3 => open(&mut script, number, is_wild, (&mut last, &mut next)),
            4 => frame(WINDOW_UPDATE, 0, stream, &(u32::from(number) + 1).to_be_bytes()),
            5 => frame(RST_STREAM, 0, stream, &u32::from(number).to_be_bytes()),
            6 => frame(PING, 0, 0, &[what; 8]),
            7 => frame(PRIORITY, 0, stream, &[0, 0, 0, 0, what]),
            8 => frame(WINDOW_UPDATE, 0, 0, &(u32::from(number) + 1).to_be_bytes()),
            9 => {
                // The size of the windows, of the table of HPACK, of frames and of heads: any that is allowed.
                let (setting, value): (u16, u32) = script.choose(&[
                    (4, 0),
                    (4, 1),
                    (4, 0x7fff_ffff),
                    (1, 0),
                    (1, u32::MAX),
                    (5, 16_384),
                    (6, 1),
                    (9, 9),
                ]);
                frame(SETTINGS, 0, 0, &[&setting.to_be_bytes()[..], &value.to_be_bytes()].concat())
            }
            10 => frame(DATA, what & END_STREAM, stream, &script.raw(what & 0x0f)),
            11 => frame(CONTINUATION, what & END_HEADERS, stream, &head(&mut script, true)),
            12 => frame(if what & 1 == 0 { GOAWAY } else { PUSH_PROMISE }, END_HEADERS, 0, &script.raw(8)),
            // A head that is said again: a trailer, or one too many.
            13 => frame(HEADERS, END_HEADERS | what & END_STREAM, stream, &head(&mut script, true)),
            // Any frame, with a payload that need not be one.
            14 => frame(number % 12, script.byte(), stream, &script.raw(what & 0x0f)),
            // And what is none.
            _ => script.raw(what & 0x0f),
        });
    }
    said
}

/// Opens a stream: its head, in one frame or in two, with a body or without.
fn open(script: &mut Script<'_>, number: u8, is_wild: bool, (last, next): (&mut u32, &mut u32)) -> Vec<u8> {
    (*last, *next) = (*next, *next + 2);
    let head = head(script, is_wild);
    match number % 8 {
        0 if is_wild => frame(HEADERS, number, *last, &head),
        1 => {
            let (one, other) = head.split_at(head.len() / 2);
            [frame(HEADERS, END_STREAM, *last, one), frame(CONTINUATION, END_HEADERS, *last, other)].concat()
        }
        2..=4 => {
            let body = script.raw(number);
            [frame(HEADERS, END_HEADERS, *last, &head), frame(DATA, END_STREAM, *last, &body)].concat()
        }
        _ => frame(HEADERS, END_HEADERS | END_STREAM, *last, &head),
    }
}

#[test]
fn whatever_frames_come_the_door_answers_in_frames_or_hangs_up_and_goes_on() {
    let served = Served::start();
    let ping = |flags| frame(PING, flags, 0, &LAST);
    let (asked, pong) = (ping(0), ping(1));
    fuzz!("http2", |input| {
        let said = [PREFACE, &frames(input), &asked].concat();
        let answer = served.say(&said, |answer| answer.windows(pong.len()).any(|part| part == pong));
        // Its own settings come first, whatever the client says.
        assert!(answer.is_empty() || answer[3] == SETTINGS, "{}: {}", said.escape_ascii(), answer.escape_ascii());
        served.check();
    });
}
