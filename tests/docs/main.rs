//! The documentation: its links resolve, and the files and tests that it names exist. And what it says of skipped
//! tests.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};
use test_services::skipped;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Folders with generated or third-party files: built, fetched, or of a running stack.
const SKIPPED: [&str; 5] = [".git", ".run", ".tools", "node_modules", "target"];

/// Every file of the repository whose name ends with `ending`.
fn files(ending: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::from(ROOT)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if entry.file_type().unwrap().is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    folders.push(entry.path());
                }
            } else if name.ends_with(ending) {
                found.push(entry.path());
            }
        }
    }
    found
}

/// All code.
fn sources() -> String {
    files(".rs").iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

/// The lines of a page outside code blocks.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    page.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// The targets of the page's links.
fn links(page: &str) -> Vec<&str> {
    let starts = prose(page).flat_map(|line| line.split("](").skip(1));
    starts.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
}

/// What the page's prose puts in backticks.
fn quoted(page: &str) -> Vec<&str> {
    prose(page).flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

/// The anchors of the page's headings, as GitHub names them.
fn anchors(page: &str) -> HashSet<String> {
    let headings = prose(page).filter(|line| line.starts_with('#'));
    let slug = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().chars();
        let kept = kept.filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    headings.map(slug).collect()
}

/// The problem with a link of `page`, if any.
fn problem(page: &Path, link: &str) -> Option<String> {
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let target = if path.is_empty() { page.to_owned() } else { page.parent().unwrap().join(path) };
    if !target.exists() {
        return Some(format!("{}: {link} leads to no file", page.display()));
    }
    let anchor = anchor.filter(|_| target.extension().is_some_and(|extension| extension == "md"))?;
    let is_there = anchors(&fs::read_to_string(&target).unwrap()).contains(anchor);
    (!is_there).then(|| format!("{}: {link} leads to no heading", page.display()))
}

#[test]
fn every_link_between_pages_leads_to_a_file_and_a_heading() {
    let mut problems = Vec::new();
    let mut checked = 0;
    for page in files(".md") {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            problems.extend(problem(&page, link));
            checked += 1;
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(checked > 50, "only {checked} links were found");
}

#[test]
fn the_vendored_script_is_the_one_that_its_page_names() {
    let folder = Path::new(ROOT).join("docs/page");
    let script = fs::read(folder.join("rapidoc-min.js.gz")).unwrap();
    let hash = hex::encode(Sha256::digest(script));
    assert!(fs::read_to_string(folder.join("README.md")).unwrap().contains(&hash), "{hash}");
}

/// Lists leave its value out, which tests of the service hold.
#[test]
fn the_graphql_schema_has_a_client_secret_in_the_next_action_alone() {
    let schema = fs::read_to_string(Path::new(ROOT).join("docs/schema.graphql")).unwrap();
    let (mut kind, mut found) = ("", Vec::new());
    for line in schema.lines() {
        if !line.starts_with(char::is_whitespace) && line.ends_with('{') {
            kind = line;
        }
        if line.trim().to_ascii_lowercase().starts_with("clientsecret") {
            found.push(kind);
        }
    }
    assert_eq!(found, ["type NextAction {"]);
}

/// Outside the promises, which have their own test.
#[test]
fn every_test_that_operations_security_and_testing_name_exists() {
    let sources = sources();
    for (page, at_least) in [("operations.md", 1), ("security.md", 40), ("testing.md", 10)] {
        let text = fs::read_to_string(Path::new(ROOT).join("docs").join(page)).unwrap();
        let named: Vec<_> = quoted(&text).into_iter().filter(|name| is_test(name)).collect();
        assert!(named.len() >= at_least, "{page} names {} tests", named.len());
        for name in named {
            assert!(sources.contains(&format!("fn {name}(")), "{page}: {name} is no test any more");
        }
    }
}

/// A sentence of four words or more, which is neither a metric nor an event of Envoy's.
fn is_test(name: &str) -> bool {
    let is_plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let is_metric = ["envoy_", "http_", "gateway_"].iter().any(|start| name.starts_with(start))
        || ["_total", "_seconds", "_bytes", "_event", "_no_cert"].iter().any(|end| name.ends_with(end));
    is_plain && name.split('_').count() >= 4 && !is_metric
}

#[test]
fn every_test_that_the_promises_name_exists() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/architecture.md")).unwrap();
    let sources = sources();
    let promises: Vec<_> = page.lines().filter(|line| line.starts_with("| P")).collect();
    assert_eq!(promises.len(), 13, "each promise has a row");
    for promise in promises {
        let named: Vec<_> = promise.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test holds this: {promise}");
        for name in named {
            assert!(sources.contains(&format!("fn {name}(")), "{name} is no test any more: {promise}");
        }
    }
}

/// The crates of the control plane's modules, as the table of parts calls them.
const CRATES: [(&str, &str); 8] = [
    ("edge_core", "edge-core"),
    ("payments", "domain"),
    ("payments_providers", "providers"),
    ("payments_stores", "stores"),
    ("audit_proof", "audit-proof"),
    ("sealing", "sealing"),
    ("logging", "logging"),
    ("crash_points", "crash-points"),
];

/// A module of the control plane in the table of parts, with what it depends on.
fn module_row(line: &str) -> Option<(&str, BTreeSet<&str>)> {
    let (module, rest) = line.strip_prefix("| `control-plane/src/")?.split_once('`')?;
    let depends_on = rest.trim_end_matches(['|', ' ']).rsplit('|').next()?.trim();
    let named = depends_on.split(", ").filter(|name| *name != "nothing of ours");
    Some((module, named.collect()))
}

/// Whether `path` stands in the code, from its beginning and to the end of its last name.
fn is_named(code: &str, path: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(path).any(|(at, _)| {
        let before = code.get(..at).unwrap_or_default();
        let after = code.get(at + path.len()..).unwrap_or_default();
        let ends = path.ends_with("::") || !after.starts_with(is_part);
        ends && !before.ends_with(|c: char| is_part(c) || c == ':')
    })
}

/// Whether the code has `use crate::{…}` with the module in the list.
fn is_listed(code: &str, module: &str) -> bool {
    let lists = code.split("use crate::{").skip(1).filter_map(|rest| rest.split(';').next());
    let mut names = lists.flat_map(|list| list.split([',', '{', '}', ':'])).map(str::trim);
    names.any(|name| name == module)
}

/// So that nobody plans a change by a picture that was true once.
#[test]
fn each_module_of_the_control_plane_uses_what_the_architecture_says() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/architecture.md")).unwrap();
    let rows: Vec<_> = page.lines().filter_map(module_row).collect();
    let (source_folder, sources) = (Path::new(ROOT).join("control-plane/src"), files(".rs"));
    for (module, said) in rows.iter().filter(|(_, said)| !said.contains("all of them")) {
        let own = sources.iter().filter(|file| file.starts_with(source_folder.join(module)));
        let text: String = own.map(|file| fs::read_to_string(file).unwrap()).collect();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code = lines.collect::<Vec<_>>().join("\n");
        let crates = CRATES.iter().filter(|(name, _)| is_named(&code, &format!("{name}::")));
        let others = rows.iter().map(|(other, _)| *other).filter(|other| {
            other != module && (is_named(&code, &format!("crate::{other}")) || is_listed(&code, other))
        });
        let used: BTreeSet<_> = crates.map(|(_, word)| *word).chain(others).collect();
        assert_eq!(used, *said, "what {module} uses, and what the page says");
    }
    assert!(rows.len() >= 10, "{} modules", rows.len());
}

/// Whether a name in backticks looks like a file or folder of the repository.
fn is_path(name: &str) -> bool {
    const ENDINGS: [&str; 8] = [".rs", ".sql", ".lua", ".sh", ".py", ".yaml", ".yml", ".toml"];
    /// Media types, what is built, and folders of a run or of another place.
    const ELSEWHERE: [&str; 5] = ["application/", "text/", "target/", "tls/", "contracts/"];
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let is_file = ENDINGS.iter().any(|ending| name.ends_with(ending));
    let is_folder = name.contains('/') && !name.contains('.');
    let is_elsewhere = name.starts_with('/')
        || ELSEWHERE.iter().any(|start| name.starts_with(start))
        || name.contains("NAME");
    name.chars().all(plain) && (is_file || is_folder) && !is_elsewhere
}

/// From the repository's root or from the page's folder, so that a reader can open it.
#[test]
fn every_file_and_folder_that_a_page_names_exists_at_that_path() {
    let (mut missing, mut checked) = (Vec::new(), 0);
    for page in files(".md") {
        let text = fs::read_to_string(&page).unwrap();
        for name in quoted(&text).into_iter().filter(|name| is_path(name)) {
            checked += 1;
            let places = [Path::new(ROOT), page.parent().unwrap()];
            if !places.iter().any(|place| place.join(name).exists()) {
                missing.push(format!("{}: there is no {name}", page.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(checked > 100, "only {checked} paths were found");
}

#[test]
fn a_shortened_path_is_a_path_and_other_words_are_none() {
    for name in ["usecases/webhook", "mod.rs", "card/", "docs/page"] {
        assert!(is_path(name), "{name}");
    }
    for name in
        ["/docs", "application/json", "c2sp.org/tlog-proof", "serve", "providers/src/NAME/", ".run/env"]
    {
        assert!(!is_path(name), "{name}");
    }
}

#[test]
#[ignore = "run by the test below"]
fn a_test_whose_tool_is_missing() {
    skipped("no such tool");
}

#[test]
fn a_missing_tool_skips_a_test_and_fails_it_where_tools_are_required() {
    let run = |required: &str| {
        let mut test = Command::new(std::env::current_exe().unwrap());
        test.args(["--exact", "--ignored", "a_test_whose_tool_is_missing"]).env("REQUIRE_TOOLS", required);
        test.output().unwrap()
    };
    let skipped = run("");
    let said = String::from_utf8_lossy(&skipped.stderr).into_owned();
    assert!(skipped.status.success() && said.contains("SKIPPED: "), "{said}");
    assert!(said.contains("no such tool"), "{said}");
    assert!(!run("1").status.success());
}

#[test]
fn a_run_of_tests_ends_with_what_was_skipped_and_why() {
    let end = |lines: &str| {
        let mut run = Command::new(Path::new(ROOT).join("tools/failures-last.sh"));
        let output = run.args(["printf", "%b", lines]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().split_once("\n\n").unwrap().1.to_owned()
    };
    let said = end("test a ... SKIPPED: a: no redis\\ntest b ... ok\\nSKIPPED: c: no python\\n");
    let (count, tests) = said.split_once('\n').unwrap();
    assert!(count.starts_with("Skipped, 2 in all"), "{said}");
    assert_eq!(tests, "  a: no redis\n  c: no python\n");
    assert_eq!(end("test b ... ok\\n"), "No test was skipped.\n");
}
