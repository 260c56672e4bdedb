//! The properties of each service.

use std::path::Path;

use crate::compose::{Compose, Environment};
use crate::root;

#[test]
fn everything_that_runs_on_is_probed_and_what_others_wait_for_is_waited_for() {
    let compose = Compose::as_written();
    for (name, service) in &compose.services {
        assert_ne!(service.healthcheck.is_some(), service.ends(), "{name}: a probe, or `restart: no`");
        for (other, dependency) in &service.depends_on {
            let waits = if compose.services[other].ends() {
                "service_completed_successfully"
            } else {
                "service_healthy"
            };
            assert_eq!(dependency.condition, waits, "{name} waits for {other}");
            // What a profile leaves out is not waited for.
            assert_eq!(dependency.required, compose.services[other].profiles.is_empty(), "{name}: {other}");
        }
    }
}

#[test]
fn a_probe_asks_where_its_service_listens() {
    for (name, service) in Compose::as_written().services {
        let Some(probe) = service.healthcheck else { continue };
        let asks = match probe.test.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["CMD", "control-plane" | "provider-sandbox", "ready", address] => address.to_owned(),
            _ => probe.test.join(" "),
        };
        let Some((_, after)) = asks.split_once("127.0.0.1:") else { continue };
        let port: u16 = after.split(' ').next().unwrap().parse().unwrap();
        let admin = "127.0.0.1:9901".to_owned();
        // Among the settings of Envoy's bootstrap, the admin interface keeps its default.
        let mut listens: Vec<_> = service
            .environment
            .iter()
            .filter(|(key, value)| key.ends_with("_LISTEN") && *value != "off")
            .map(|(_, value)| value)
            .collect();
        if name == "envoy" {
            listens.push(&admin);
        }
        assert!(
            listens.iter().any(|listen| listen.ends_with(&format!(":{port}"))),
            "{name}: {port} in {listens:?}"
        );
    }
}

#[test]
fn no_health_check_needs_a_shell() {
    for (name, service) in Compose::as_written().services {
        let Some(probe) = service.healthcheck else { continue };
        assert_eq!(probe.test[0], "CMD", "{name}");
        assert!(!["sh", "bash"].contains(&&*probe.test[1]), "{name}: {:?}", probe.test);
        if service.build.is_some() {
            assert!(
                ["control-plane", "provider-sandbox", "log-relay"].contains(&&*probe.test[1]),
                "{name}: {:?}",
                probe.test
            );
        }
        assert!(service.entrypoint.is_empty(), "{name}: {:?}", service.entrypoint);
    }
}

#[test]
fn only_this_host_is_served() {
    let mut published = 0;
    for (name, service) in Compose::as_written().services {
        for port in service.ports {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
            published += 1;
        }
    }
    assert!(published > 0, "nobody can call");
}

#[test]
fn every_image_is_pinned_and_ours_carry_the_version_of_this_workspace() {
    for (name, service) in Compose::as_written().services {
        let (_, tag) =
            service.image.rsplit_once(':').unwrap_or_else(|| panic!("{name}: {} has no tag", service.image));
        match service.build {
            Some(_) => assert_eq!(tag, env!("CARGO_PKG_VERSION"), "{name}"),
            None => assert!(crate::image::is_pinned(&service.image), "{name}: {}", service.image),
        }
    }
}

#[test]
fn a_broken_container_can_do_little() {
    for (name, service) in Compose::as_written().services {
        assert!(service.read_only && service.cap_drop == ["ALL"], "{name}");
    }
}

#[test]
fn no_service_fills_the_disk_with_its_log_or_waits_for_the_log_s_reader() {
    for (name, service) in Compose::as_written().services {
        let option = |key: &str| service.logging.options.get(key).map(String::as_str);
        assert_eq!(service.logging.driver, "json-file", "{name}");
        assert!(option("max-size").is_some() && option("max-file").is_some(), "{name}");
        // Ours never wait, and say what was lost, which an engine that drops lines does not.
        let wanted = if service.build.is_some() { [None; 2] } else { [Some("non-blocking"), Some("4m")] };
        assert_eq!([option("mode"), option("max-buffer-size")], wanted, "{name}");
    }
}

#[test]
fn there_are_two_control_planes_behind_one_name_and_none_of_them_is_published() {
    let control_plane = &Compose::as_written().services["control-plane"];
    assert_eq!(control_plane.deploy.as_ref().unwrap().replicas, 2);
    assert!(control_plane.ports.is_empty() && control_plane.volumes.is_empty(), "two cannot share them");
}

#[test]
fn redis_never_drops_what_it_was_given() {
    let redis = &Compose::as_written().services["redis"];
    assert!(redis.command.join(" ").contains("--maxmemory-policy noeviction"));
}

/// The numbers beside `maxmemory` are those that a key was measured to cost, and docs/configuration.md has the same.
#[test]
fn redis_is_as_large_as_what_its_keys_cost() {
    const ANSWER_BYTES: u64 = 565;
    const CLAIM_BYTES: u64 = 293;
    let redis = Compose::with(&Environment::made()).services.remove("redis").unwrap();
    let command = redis.command.join(" ");
    let (_, after) = command.split_once("--maxmemory ").unwrap();
    let mib: u64 = after.split("mb").next().unwrap().parse().unwrap();
    let (answers, claims) = (mib * 1024 * 1024 / 4 * 3 / ANSWER_BYTES, mib * 1024 * 1024 / 4 / CLAIM_BYTES);
    let thousands = |count: u64| format!("{},000", (count + 500) / 1000);
    for file in ["docker-compose.yml", "docs/configuration.md"] {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        for number in
            [ANSWER_BYTES.to_string(), CLAIM_BYTES.to_string(), thousands(answers), thousands(claims)]
        {
            assert!(text.contains(&number), "{number} in {file}");
        }
    }
    let alerts = std::fs::read_to_string(root().join("docs/monitoring/alerts.yaml")).unwrap();
    assert!(alerts.contains("alert: EdgeCacheNearlyFull"));
}

#[test]
fn every_file_and_every_volume_exists() {
    let environment = Environment::made();
    let compose = Compose::with(&environment);
    for (name, service) in &compose.services {
        if let Some(build) = &service.build {
            assert_eq!(build.context, ".", "{name}");
            assert!(root().join(&build.dockerfile).is_file(), "{name}: {}", build.dockerfile);
        }
        for volume in &service.volumes {
            let (source, target) = volume.split_once(':').unwrap();
            assert!(target.starts_with('/'), "{name}: {volume}");
            let exists = match source.starts_with('/') {
                // A file that is moved into the place of a mounted one would never get into the container.
                true => Path::new(source).is_dir() && target.ends_with(":ro"),
                false => compose.volumes.iter().any(|volume| volume == source),
            };
            assert!(exists, "{name}: {source}");
        }
    }
}
