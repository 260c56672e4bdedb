//! What a seed draws, and whether its faults can occur.

use crash_points as crash_point;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_seed_determines_the_schedule() {
    assert_eq!(draw(7, Shape::Distributed, MINUTE), draw(7, Shape::Distributed, MINUTE));
    assert_ne!(draw(7, Shape::Distributed, MINUTE), draw(8, Shape::Distributed, MINUTE));
}

#[test]
fn every_kind_of_fault_occurs_for_some_seed() {
    let all: Vec<_> = (0..20).flat_map(|seed| draw(seed, Shape::Distributed, MINUTE)).collect();
    let happens = |what: &str| all.iter().any(|scheduled| scheduled.action.to_string().contains(what));
    for what in [
        "kill -9 envoy",
        "kill -9 control-plane",
        "kill -9 edge-cache",
        "kill -9 worker",
        "start worker 1 with CRASH_POINTS",
        "RabbitMQ dies",
        "every queue is purged",
        "ToRabbit",
        "SIGSTOP envoy",
        "SIGSTOP control-plane",
        "CRASH_POINTS",
        "nobody reads the log of control-plane",
        "the reader of the log of control-plane",
        "log of worker",
        "the log disk of gateway 1 is full",
        "the log disk of gateway 2 is full",
        "log of sandbox",
        "PostgreSQL dies",
        "ends every session",
        "PostgreSQL fails over",
        "PostgreSQL takes no writes",
        "PostgreSQL locks",
        "keys rotate",
        "keys reseal",
        "retention run",
        "the operator's command is interrupted",
        "Silence",
        "Redis dies",
        "FLUSHALL",
        "SCRIPT FLUSH",
        "SIGSTOP Redis",
        "drop_after",
        "latency",
        "withhold",
        "duplicate",
        "Refuse",
        "BlackHole",
        "CutRequest",
        "CutAnswer",
        "Slice",
        "Latency",
    ] {
        assert!(happens(what), "{what}");
    }
    for name in crash_point::NAMES {
        assert!(happens(name), "{name}");
    }
    for name in ["after_intent", "after_provider"] {
        assert!((4..=15).any(|nth| happens(&format!("{name}:{nth}:22,"))), "{name}");
    }
}

#[test]
fn the_embedded_shape_has_one_gateway_and_no_servers() {
    for seed in 0..20 {
        for scheduled in draw(seed, Shape::Embedded, MINUTE) {
            let text = scheduled.action.to_string();
            let absent = ["edge-cache", "worker", "Redis", "Rabbit", "PostgreSQL", "Database", " 2"];
            assert!(!absent.iter().any(|part| text.contains(part)), "{text}");
        }
    }
}
