//! A registry takes both forms, and gives back what Istio and Envoy Gateway look for.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use test_services::skipped;

/// What a manifest of an image is. Fetchers name it when they ask.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The registry of the container world, on loopback and in a folder of its own. Ends with the test.
struct Registry {
    server: Child,
    host: String,
    http: Client,
    folder: TempDir,
}

impl Registry {
    /// `None` if it is not installed; the test then reports that it is skipped.
    async fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let host = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let config = folder.path().join("config.yml");
        let data = folder.path().join("data");
        let text = format!(
            "version: 0.1\nlog: {{ level: error }}\nhttp: {{ addr: \"{host}\" }}\n\
             storage: {{ filesystem: {{ rootdirectory: {data:?} }} }}\n"
        );
        fs::write(&config, text).unwrap();
        let server = ["docker-registry", "registry"].into_iter().find_map(|program| {
            let mut command = Command::new(program);
            command
                .arg("serve")
                .arg(&config)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command.spawn().ok()
        });
        let Some(server) = server else {
            skipped("no registry on the PATH (Debian: apt-get install docker-registry)");
            return None;
        };
        let http = Client::builder().no_proxy().build().unwrap();
        let this = Self { server, host, http, folder };
        let deadline = Instant::now() + Duration::from_secs(20);
        while this.http.get(format!("http://{}/v2/", this.host)).send().await.is_err() {
            assert!(Instant::now() < deadline, "the registry does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(this)
    }

    /// What is there, and its digest, which is compared with the bytes.
    async fn read(&self, kind: &str, what: &str) -> Vec<u8> {
        let url = format!("http://{}/v2/payments/edge-filter/{kind}/{what}", self.host);
        let answer = self.http.get(url).header("accept", MANIFEST).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{kind} {what}");
        let bytes = answer.bytes().await.unwrap().to_vec();
        if what.starts_with("sha256:") {
            assert_eq!(digest(&bytes), what);
        }
        bytes
    }

    fn push(&self, form: &str, file: &Path, tag: &str) -> Output {
        let mut push = Command::new(env!("CARGO_BIN_EXE_filter-image"));
        push.args(["--form", form]).arg(file).arg(format!("{}/payments/edge-filter:{tag}", self.host));
        push.output().unwrap()
    }

    /// A module of some size; gives the file and what is in it.
    fn module(&self) -> (std::path::PathBuf, Vec<u8>) {
        let file = self.folder.path().join("edge_filter.wasm");
        let module = [b"\0asm\x01\0\0\0".as_slice(), &[7; 900_000]].concat();
        fs::write(&file, &module).unwrap();
        (file, module)
    }

    /// Pushes a module in this form, and gives the digest that the program prints.
    fn pushed(&self, form: &str, file: &Path, tag: &str) -> String {
        let output = self.push(form, file, tag);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        let (name, digest) = said.trim().split_once('@').unwrap();
        assert_eq!(name, format!("{}/payments/edge-filter", self.host));
        digest.to_owned()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// The manifest under a tag, which has this digest and one layer.
async fn manifest(registry: &Registry, tag: &str, digest: &str) -> Value {
    let bytes = registry.read("manifests", tag).await;
    assert_eq!(self::digest(&bytes), digest);
    let manifest: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((&manifest["schemaVersion"], &manifest["mediaType"]), (&2.into(), &MANIFEST.into()));
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    manifest
}

/// The path and content of every file in an image of one layer.
async fn files(registry: &Registry, manifest: &Value) -> Vec<(String, Vec<u8>)> {
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.oci.image.config.v1+json");
    assert_eq!(manifest["layers"][0]["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
    let layer = registry.read("blobs", manifest["layers"][0]["digest"].as_str().unwrap()).await;
    assert_eq!(manifest["layers"][0]["size"], layer.len());
    let mut archive = Vec::new();
    flate2::read::GzDecoder::new(layer.as_slice()).read_to_end(&mut archive).unwrap();
    let config = registry.read("blobs", manifest["config"]["digest"].as_str().unwrap()).await;
    let config: Value = serde_json::from_slice(&config).unwrap();
    assert_eq!(config["rootfs"]["diff_ids"], serde_json::json!([digest(&archive)]));
    let mut archive = tar::Archive::new(archive.as_slice());
    let mut found = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        found.push((entry.path().unwrap().display().to_string(), bytes));
    }
    found
}

#[tokio::test]
async fn the_image_form_is_one_layer_with_the_one_file_that_fetchers_look_for() {
    let Some(registry) = Registry::start().await else { return };
    let (file, module) = registry.module();
    let manifest = manifest(&registry, "image", &registry.pushed("image", &file, "image")).await;
    assert!(files(&registry, &manifest).await == [("plugin.wasm".to_owned(), module)], "not the one file");
}

#[tokio::test]
async fn the_artifact_form_is_the_module_itself() {
    let Some(registry) = Registry::start().await else { return };
    let (file, module) = registry.module();
    let manifest = manifest(&registry, "artifact", &registry.pushed("artifact", &file, "artifact")).await;
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.module.wasm.config.v1+json");
    assert_eq!(manifest["layers"][0]["mediaType"], "application/vnd.module.wasm.content.layer.v1+wasm");
    let layer = registry.read("blobs", manifest["layers"][0]["digest"].as_str().unwrap()).await;
    assert!(layer == module, "not the module");
}

#[tokio::test]
async fn the_filter_of_this_build_comes_back_from_both_forms_as_it_was() {
    let Some(registry) = Registry::start().await else { return };
    // Where `make filter` puts it: beside the folder of this build's programs.
    let program = Path::new(env!("CARGO_BIN_EXE_filter-image"));
    let file = program.ancestors().nth(2).unwrap().join("edge_filter.wasm");
    let Ok(filter) = fs::read(&file) else {
        return skipped(&format!("no {} (make filter)", file.display()));
    };
    let image = manifest(&registry, "image", &registry.pushed("image", &file, "image")).await;
    let in_image = files(&registry, &image).await;
    let artifact = manifest(&registry, "artifact", &registry.pushed("artifact", &file, "artifact")).await;
    let in_artifact = registry.read("blobs", artifact["layers"][0]["digest"].as_str().unwrap()).await;
    assert!(in_artifact == filter, "not the filter");
    assert!(in_image == [("plugin.wasm".to_owned(), filter)], "not the filter");
}

#[tokio::test]
async fn the_same_filter_has_the_same_digest_whenever_it_is_pushed() {
    let Some(registry) = Registry::start().await else { return };
    let (file, _) = registry.module();
    for form in ["image", "artifact"] {
        let first = registry.pushed(form, &file, "first");
        let times = fs::File::open(&file).unwrap();
        times.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(registry.pushed(form, &file, "second"), first, "{form}");
    }
    assert_ne!(registry.pushed("image", &file, "a"), registry.pushed("artifact", &file, "b"));
}

/// A reader that this project has not written.
#[tokio::test]
async fn skopeo_copies_both_forms_and_finds_every_digest_right() {
    let Some(registry) = Registry::start().await else { return };
    let (file, _) = registry.module();
    for form in ["image", "artifact"] {
        registry.pushed(form, &file, form);
        let copy = registry.folder.path().join(form);
        let from = format!("docker://{}/payments/edge-filter:{form}", registry.host);
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["--insecure-policy", "copy", "--src-tls-verify=false"]);
        let Ok(output) = skopeo.arg(from).arg(format!("dir:{}", copy.display())).output() else {
            return skipped("no skopeo on the PATH (Debian: apt-get install skopeo)");
        };
        assert!(output.status.success(), "{form}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(copy.join("manifest.json").is_file());
    }
}

#[tokio::test]
async fn what_is_no_filter_or_cannot_be_pushed_is_refused_with_a_reason() {
    let Some(registry) = Registry::start().await else { return };
    let (file, _) = registry.module();
    let other = registry.folder.path().join("other");
    fs::write(&other, "#!/bin/sh").unwrap();
    let why = |output: Output| {
        assert!(!output.status.success() && output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(why(registry.push("image", &other, "x")).contains("is no wasm module"));
    assert!(
        why(registry.push("image", &registry.folder.path().join("none"), "x")).contains("none: No such file")
    );
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut push = Command::new(env!("CARGO_BIN_EXE_filter-image"));
    let said = why(push.arg(&file).arg(format!("{away}/edge-filter:1")).output().unwrap());
    assert!(said.contains("edge-filter:1 could not be pushed"), "{said}");
}

/// `tools/pin-images.sh` asks a registry, here for an image that it has.
#[tokio::test]
async fn base_images_are_pinned_by_the_digest_that_the_registry_names() {
    let Some(registry) = Registry::start().await else { return };
    if Command::new("skopeo").arg("--version").output().is_err() {
        return skipped("no skopeo on the PATH (Debian: apt-get install skopeo)");
    }
    let (module, _) = registry.module();
    let name = format!("{}/payments/edge-filter:1.40.0", registry.host);
    let [dockerfile, compose] =
        ["Dockerfile", "docker-compose.yml"].map(|file| registry.folder.path().join(file));
    let (from, image) = (
        format!("FROM {name} AS envoy\nUSER 1:1\n"),
        format!("  image: {name}\n  image: payment-gateway-x:1\n"),
    );
    fs::write(&dockerfile, &from).unwrap();
    fs::write(&compose, &image).unwrap();
    let pin = || {
        let mut pin = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../pin-images.sh"));
        pin.arg(&dockerfile).arg(&compose).env("SKOPEO_OPTIONS", "--tls-verify=false").output().unwrap()
    };
    assert!(!pin().status.success(), "the registry has no such image yet");
    assert_eq!(fs::read_to_string(&dockerfile).unwrap(), from, "nothing is changed then");
    // The second time the tag has moved.
    for byte in [1, 2] {
        fs::write(&module, [b"\0asm\x01\0\0\0".as_slice(), &[byte; 8]].concat()).unwrap();
        let pinned = format!("{name}@{}", registry.pushed("image", &module, "1.40.0"));
        let output = pin();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(fs::read_to_string(&dockerfile).unwrap(), from.replace(&name, &pinned));
        assert_eq!(fs::read_to_string(&compose).unwrap(), image.replace(&name, &pinned));
    }
}
