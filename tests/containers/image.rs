/// Whether the name pins the image: a full version, no moving tag. A digest would be stricter, but none could be
/// verified here.
pub(crate) fn is_pinned(name: &str) -> bool {
    let Some((_, tag)) = name.rsplit_once(':') else { return false };
    let version = tag.trim_start_matches('v').split('-').next().unwrap_or_default();
    version.contains('.') && version.split('.').all(|part| part.parse::<u32>().is_ok())
}

#[test]
fn a_tag_that_moves_pins_nothing() {
    for pinned in ["redis:7.2.5-bookworm", "envoyproxy/envoy:v1.40.0", "localhost:5000/redis:7.2.5"] {
        assert!(is_pinned(pinned), "{pinned}");
    }
    for moving in ["redis", "redis:latest", "redis:7", "redis:bookworm", "localhost:5000/redis", "redis:7.x"]
    {
        assert!(!is_pinned(moving), "{moving}");
    }
}
