//! Both error rates of the card data search, measured on generated corpora: legitimate values as clients send them, of
//! which hardly any may be rejected, and spellings of card numbers, of which none may pass.
//!
//! The corpora are derived from a seed, so failures are reproducible. `cargo test --test card_corpus -- --nocapture`
//! prints the rates.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests fail as tests do, and the rates are to be read"
)]

mod bodies;
mod honest;
mod numbers;
mod random;
mod spellings;

use edge_core::card;
use random::Random;

/// Values of each legitimate kind.
const VALUES: u32 = 100_000;
/// Fewer than one of this many values may be rejected.
const ONE_IN: u32 = 10_000;
/// Spellings of each kind of number.
const SPELLINGS: u32 = 10_000;

#[test]
fn fewer_than_one_honest_value_in_ten_thousand_is_refused() {
    let mut failures = Vec::new();
    for (seed, (kind, make)) in (1..).zip(honest::KINDS) {
        let random = &mut Random::new(seed);
        let (mut refused, mut example) = (0, None);
        for _ in 0..VALUES {
            let value = make(random);
            let body = bodies::with_value(random, &value);
            if body.is_refused() {
                refused += 1;
                example = Some(body);
            }
        }
        println!("{kind:34} {refused:>6} of {VALUES} refused");
        if refused * ONE_IN >= VALUES {
            failures.push(format!("{kind}: {refused}, e.g. {example:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn no_spelling_of_a_published_test_number_passes() {
    let passed = passed(7, |random| spellings::of_published(random, random_published));
    assert!(passed.is_empty(), "{}", shown(&passed));
}

/// Unpublished numbers, which only their form identifies. A few of Mastercard's 2-series look like dates, and are let
/// through by rule.
#[test]
fn hardly_a_spelling_of_any_issuers_number_passes() {
    let passed = passed(8, |random| spellings::of_any(random, numbers::issued));
    assert!(passed.len() * 1_000 < SPELLINGS as usize, "{}", shown(&passed));
}

fn random_published(random: &mut Random) -> String {
    random.pick(&numbers::PUBLISHED).to_owned()
}

fn shown(passed: &[String]) -> String {
    passed.iter().take(10).cloned().collect::<Vec<_>>().join("\n")
}

fn passed(seed: u64, spell: impl Fn(&mut Random) -> String) -> Vec<String> {
    let random = &mut Random::new(seed);
    let mut passed = Vec::new();
    for _ in 0..SPELLINGS {
        let spelling = spell(random);
        let body = bodies::with_spelling(random, &spelling);
        if !body.is_refused() {
            passed.push(format!("{body:?}"));
        }
    }
    println!("{} of {SPELLINGS} spellings passed", passed.len());
    passed
}

/// Otherwise a search that finds nothing or everything could pass one of the tests.
#[test]
fn the_corpora_are_what_they_claim() {
    let random = &mut Random::new(1);
    for number in numbers::PUBLISHED {
        assert!(card::find_in_text(number.as_bytes()).is_some(), "{number}");
    }
    let lengths: std::collections::BTreeSet<_> = (0..1_000).map(|_| numbers::issued(random).len()).collect();
    assert_eq!(lengths, [14, 15, 16, 19].into());
    assert!(honest::KINDS.len() >= 40);
    let distinct: std::collections::BTreeSet<_> =
        (0..1_000).map(|_| spellings::of_any(random, numbers::issued)).collect();
    assert!(distinct.len() > 990);
}
