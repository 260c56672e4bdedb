//! The short run of all fuzz targets: their seeds, what broke them before, and the same changes of the seeds each time.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod change;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use edge_core_fuzz::{FuzzTarget, TARGETS};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// How many changed seeds each target is tried with, unless `FUZZ_CASES` is set. A second or two for each target: the
/// long run (`make fuzz`) is where new inputs are found.
const CASES: u32 = 20_000;

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

fn names_in(folder: &str) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(Path::new(FOLDER).join(folder)) else { return BTreeSet::new() };
    let names = entries.map(|entry| entry.unwrap().path());
    names.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn names() -> BTreeSet<String> {
    TARGETS.iter().map(|target| target.name.to_owned()).collect()
}

#[test]
fn every_target_has_a_program_and_seeds() {
    assert_eq!(names_in("fuzz_targets"), names());
    assert!(names_in("regressions").is_subset(&names()), "a regression of no target");
    for target in TARGETS {
        assert!((target.seeds)().len() > 1, "{}", target.name);
    }
}

#[test]
fn what_broke_a_target_before_breaks_it_no_more() {
    for target in TARGETS {
        let Ok(entries) = fs::read_dir(Path::new(FOLDER).join("regressions").join(target.name)) else {
            continue;
        };
        for entry in entries {
            (target.check)(&fs::read(entry.unwrap().path()).unwrap());
        }
    }
}

#[test]
fn every_target_holds_for_its_seeds_and_the_same_changes_of_them_each_time() {
    let cases = std::env::var("FUZZ_CASES").map_or(CASES, |cases| cases.parse().unwrap());
    for target in TARGETS {
        let seeds = (target.seeds)();
        seeds.iter().chain([&Vec::new()]).for_each(|seed| (target.check)(seed));
        run(target, seeds, cases);
    }
}

fn run(target: &FuzzTarget, seeds: Vec<Vec<u8>>, cases: u32) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let outcome = TestRunner::new_with_rng(config, random).run(&change::of_any(seeds), |input| {
        let check = AssertUnwindSafe(|| (target.check)(&input));
        catch_unwind(check).map_err(|_| TestCaseError::fail(input.escape_ascii().to_string()))
    });
    let advice =
        "put the input into a file in filter/core/fuzz/regressions, in the folder of the target's name";
    assert!(outcome.is_ok(), "{}: {}; {advice}", target.name, outcome.unwrap_err());
}
