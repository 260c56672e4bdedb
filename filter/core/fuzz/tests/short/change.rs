//! Changes of a seed, as a fuzzing engine makes them: bytes lost, repeated, altered, or taken from elsewhere.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

#[derive(Clone, Debug)]
enum InputChange {
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Flip(Index, u8),
    Repeat(Index, usize),
    /// The rest comes from another seed.
    Splice(Index, Index),
}

/// What parsers stumble over: quotes, separators, escapes, numbers at their limits, text that is not ASCII.
const PIECES: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"\\u0034",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b";",
    b"=",
    b"&",
    b"%00",
    b"%2",
    b"+",
    b"-",
    b".",
    b"/",
    b"//",
    b"..",
    b"@",
    b"#",
    b"?",
    b"|",
    b" ",
    b"\t",
    b"\r",
    b"\n",
    b"\n\n",
    b"\0",
    b"\xff",
    b"\xc3\xa9",
    "\u{200b}".as_bytes(),
    "\u{664}".as_bytes(),
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"0",
    b"00",
    b"1e2",
    b"1.0",
    b"9007199254740993",
    b"18446744073709551616",
    b"4242424242424242",
    b"--",
    b"0x",
    b"xn--",
    b"[::1]",
];

fn change() -> impl Strategy<Value = InputChange> {
    let piece = prop_oneof![
        3 => select(PIECES).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 1..8),
    ];
    prop_oneof![
        3 => (any::<Index>(), piece).prop_map(|(at, piece)| InputChange::Insert(at, piece)),
        2 => (any::<Index>(), 1..16_usize).prop_map(|(at, len)| InputChange::Remove(at, len)),
        2 => (any::<Index>(), 1..=255_u8).prop_map(|(at, by)| InputChange::Flip(at, by)),
        1 => (any::<Index>(), 1..64_usize).prop_map(|(at, len)| InputChange::Repeat(at, len)),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(at, from)| InputChange::Splice(at, from)),
    ]
}

/// Any of the seeds after up to six changes.
pub(crate) fn of_any(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let other = select(seeds.clone());
    (select(seeds), other, vec(change(), 0..=6)).prop_map(|(seed, other, changes)| {
        changes.into_iter().fold(seed, |input, change| changed(input, &other, change))
    })
}

fn changed(mut input: Vec<u8>, other: &[u8], change: InputChange) -> Vec<u8> {
    match change {
        InputChange::Insert(at, piece) => {
            let at = at.index(input.len() + 1);
            input.splice(at..at, piece);
        }
        InputChange::Remove(at, len) => {
            let at = at.index(input.len() + 1);
            input.drain(at..input.len().min(at + len));
        }
        InputChange::Flip(at, by) => {
            let at = at.index(input.len() + 1);
            input.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= by);
        }
        InputChange::Repeat(at, len) => {
            let at = at.index(input.len() + 1);
            let piece: Vec<u8> = input.iter().skip(at).take(len).copied().collect();
            input.splice(at..at, piece);
        }
        InputChange::Splice(at, from) => {
            input.truncate(at.index(input.len() + 1));
            input.extend(other.iter().skip(from.index(other.len() + 1)));
        }
    }
    input
}
