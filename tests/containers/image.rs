//! Whether the name of a container image is pinned.

/// Whether the name pins the image: a full version, no moving tag. That is less than a digest, which only a registry
/// knows: `tools/pin-images.sh` adds them, and the hosted workflow fails where one is missing.
pub(crate) fn is_pinned(name: &str) -> bool {
    let (name, digest) = name.split_once('@').map_or((name, None), |(name, digest)| (name, Some(digest)));
    let is_digest = |digest: &str| {
        digest
            .strip_prefix("sha256:")
            .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    if !digest.is_none_or(is_digest) {
        return false;
    }
    let Some((_, tag)) = name.rsplit_once(':') else { return false };
    let version = tag.trim_start_matches('v').split('-').next().unwrap_or_default();
    version.contains('.') && version.split('.').all(|part| part.parse::<u32>().is_ok())
}

#[test]
fn a_tag_that_moves_pins_nothing() {
    let digest = format!("redis:7.2.5-bookworm@sha256:{}", "0a".repeat(32));
    for pinned in
        [digest.as_str(), "redis:7.2.5-bookworm", "envoyproxy/envoy:v1.40.0", "localhost:5000/redis:7.2.5"]
    {
        assert!(is_pinned(pinned), "{pinned}");
    }
    for moving in [
        "redis",
        "redis:latest",
        "redis:7",
        "redis:bookworm",
        "localhost:5000/redis",
        "redis:7.x",
        "redis:7.2.5@sha256:0a",
    ] {
        assert!(!is_pinned(moving), "{moving}");
    }
}
