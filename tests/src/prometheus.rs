//! Reading metrics in Prometheus' text format.

/// The sum of a metric over all of its labels that contain `label`; zero where it never counted.
#[must_use]
pub fn sum(text: &str, name: &str, label: &str) -> u64 {
    let samples = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' ']))?;
        let (labels, value) = rest.rsplit_once(' ')?;
        labels.contains(label).then(|| value.parse::<u64>().ok())?
    });
    samples.sum()
}
