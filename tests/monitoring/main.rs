//! Alerts: each passes Prometheus' own tests, is explained in the runbook, and uses metrics that exist from the first
//! scrape on.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gateway_tests::{HttpResponse, OwnGateway, until};
use serde_json::json;
use serde_yaml_ng::Value;
use test_services::{PostgresServer, RabbitServer, RedisServer, ScratchFolder, skipped};

/// Filter metrics that exist only from the first count on: their alerts allow for that.
const LATER: [&str; 3] = ["gateway_edge_claims", "gateway_edge_requests", "gateway_edge_webhooks"];

/// Metrics of listeners with TLS, which the stack of these tests does without.
const OF_TLS: &str = "tls_certificate_expires_timestamp_seconds";

/// Metrics of the process that reconciles periodically.
const OF_RECONCILING: &str = "reconcile_finished_timestamp_seconds";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/monitoring")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

/// The name, expression and runbook entry of each alert.
fn alerts() -> Vec<(String, String, String)> {
    let rules: Value = serde_yaml_ng::from_str(&read("alerts.yaml")).unwrap();
    let groups = rules["groups"].as_sequence().unwrap();
    let rules = groups.iter().flat_map(|group| group["rules"].as_sequence().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rules
        .map(|rule| (text(&rule["alert"]), text(&rule["expr"]), text(&rule["annotations"]["runbook"])))
        .collect()
}

#[test]
fn prometheus_takes_the_rules_and_their_tests_pass() {
    for arguments in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts.test.yaml"]] {
        let Ok(output) = Command::new("promtool").args(arguments).current_dir(folder()).output() else {
            return skipped("no promtool on the PATH (Debian: apt-get install prometheus)");
        };
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn each_alert_is_tested_both_ways_and_has_an_entry_in_the_runbook() {
    let (tests, runbook) = (read("alerts.test.yaml"), read("runbook.md"));
    let entries: Vec<_> = runbook.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let alerts = alerts();
    for (name, _, entry) in &alerts {
        for kind in ["fires", "is silent"] {
            assert!(tests.contains(&format!("name: {name} {kind}")), "{name} {kind}");
        }
        assert!(entries.contains(&name.as_str()), "{name}");
        assert_eq!(*entry, format!("docs/monitoring/runbook.md#{}", name.to_lowercase()));
    }
    assert_eq!(entries.len(), alerts.len(), "an entry is of no alert");
}

/// The metric names in an expression: names with an underscore that are neither function, label nor text.
fn metrics(expression: &str) -> BTreeSet<String> {
    let mut bare = String::new();
    let (mut depth, mut is_grouping) = (0_u32, false);
    for word in expression.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
        let (name, end) = word.split_at(word.len() - 1);
        if depth == 0 && !is_grouping && !name.is_empty() {
            bare.push_str(name);
            bare.push(if end == "(" { '(' } else { ' ' });
        }
        match end {
            "{" => depth += 1,
            "}" => depth -= 1,
            "(" if name == "by" => is_grouping = true,
            "(" if name.is_empty() && bare.trim_end().ends_with("by") => is_grouping = true,
            ")" if is_grouping => {
                is_grouping = false;
                bare.push_str("; ");
            }
            _ => {}
        }
    }
    let words = bare.split(' ').flat_map(|word| word.rsplit('(').next());
    words.filter(|word| word.contains('_')).map(str::to_owned).collect()
}

#[test]
fn the_names_of_metrics_are_found_in_an_expression() {
    let found =
        metrics("max by (of_what) (a_b{c_d=\"e_f\"}) > 0 or histogram_quantile(0.9, sum(rate(g_h[5m]))) ");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a_b", "g_h"]);
}

/// Every metric has a help text.
fn is_as_prometheus_wants(process: &str, metrics: &str) {
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut promtool) = promtool.spawn() else {
        return skipped("no promtool on the PATH (Debian: apt-get install prometheus)");
    };
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{process}: {}", String::from_utf8_lossy(&said));
}

/// An alert on a metric that does not exist never fires.
#[tokio::test]
async fn the_first_scrape_has_every_metric_that_an_alert_is_about() {
    let Some(redis) = RedisServer::own(&[]).await else { return };
    let Some(postgres) = PostgresServer::own().await else { return };
    let Some(rabbit) = RabbitServer::own().await else { return };
    let database = postgres.database().await;
    let folder = ScratchFolder::new("filter-");
    let own = OwnGateway::start(&[
        ("REDIS_URI", redis.uri()),
        ("DB_URI", database.uri()),
        ("AMQP_URI", rabbit.uri()),
        ("RECONCILE_EVERY", "6h"),
        ("EDGE_FILTER_CONFIG", folder.path().join("filter.yaml").to_str().unwrap()),
    ])
    .await;
    let stack = &own.stack;
    let mut shown =
        HttpResponse::of(own.gateway().http.get(format!("{}/stats/prometheus", stack.admin_url())))
            .await
            .text();
    for setting in ["CONTROL_PLANE_LISTEN", "WORKER_LISTEN", "EDGE_CACHE_LISTEN"] {
        let url = format!("http://{}/metrics", stack.setting(setting).unwrap());
        let metrics = HttpResponse::of(own.gateway().http.get(url)).await.text();
        is_as_prometheus_wants(setting, &metrics);
        shown.push_str(&metrics);
    }
    let is_shown = |metric: &str| {
        shown.lines().any(|line| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with([' ', '{'])))
    };
    for (alert, expression, _) in alerts() {
        for metric in metrics(&expression) {
            let is_missing_for_a_reason = LATER.contains(&&*metric) || metric == OF_TLS;
            assert!(is_shown(&metric) || is_missing_for_a_reason, "{alert}: no {metric} in\n{shown}");
        }
    }
    for gauge in [
        "edge_cache_writable",
        "queue_connected",
        "queue_parked",
        "provider_circuit_open",
        "edge_cache_memory_bytes",
        r#"gateway_edge_paypal_days_left{of="bundle"}"#,
        r#"gateway_edge_paypal_days_left{of="issuers"}"#,
        r#"gateway_edge_paypal_days_left{of="key"}"#,
        OF_RECONCILING,
    ] {
        assert!(is_shown(gauge), "{gauge}");
    }
}

/// Envoy removes an unready edge cache from its cluster, so the cache's own counters do not move.
#[tokio::test]
async fn a_redis_that_is_gone_shows_where_its_alerts_look() {
    let Some(mut redis) = RedisServer::own(&[]).await else { return };
    let own = OwnGateway::start(&[("REDIS_URI", redis.uri()), ("EDGE_CACHE_DOWN", "reject")]).await;
    let gateway = own.gateway();
    let edge_cache = format!("http://{}/metrics", own.stack.setting("EDGE_CACHE_LISTEN").unwrap());
    let envoy = format!("{}/stats/prometheus", own.stack.admin_url());
    let shows = async |url: &str, sample: &str| {
        let text = HttpResponse::of(gateway.http.get(url)).await.text();
        text.lines().any(|line| line == sample).then_some(())
    };
    redis.kill();
    until("a gauge of the edge cache", async || shows(&edge_cache, "edge_cache_writable 0").await).await;
    let sample = r#"envoy_cluster_membership_healthy{envoy_cluster_name="edge_cache"} 0"#;
    until("an edge cache that Envoy leaves alone", async || shows(&envoy, sample).await).await;

    let charge =
        json!({ "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa" });
    gateway.charge(&charge).await.refuses(503, "IDEMPOTENCY_UNAVAILABLE");
    for sample in [
        r#"gateway_edge_requests{outcome="idempotency_unavailable"} 1"#,
        r#"gateway_edge_claims{verdict="unavailable"} 1"#,
    ] {
        until(sample, async || shows(&envoy, sample).await).await;
    }
    let kinds =
        r#"envoy_http_downstream_rq_xx{envoy_response_code_class="5",envoy_http_conn_manager_prefix="#;
    let text = HttpResponse::of(gateway.http.get(&envoy)).await.text();
    let counted =
        text.lines().any(|line| line.starts_with(kinds) && !line.contains("admin") && !line.ends_with(" 0"));
    assert!(counted, "{text}");

    redis.start_again().await;
    until("an edge cache that takes claims", async || shows(&edge_cache, "edge_cache_writable 1").await)
        .await;
}
