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
        }
    }
}

#[test]
fn a_probe_asks_where_its_service_listens() {
    for (name, service) in Compose::as_written().services {
        let Some(probe) = service.healthcheck else { continue };
        let command = probe.test.join(" ");
        let Some((_, after)) = command.split_once("/dev/tcp/127.0.0.1/") else { continue };
        let port: u16 = after.split(' ').next().unwrap().parse().unwrap();
        let admin = "127.0.0.1:9901".to_owned();
        // Of the settings of Envoy's bootstrap, the admin interface keeps its default.
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
                true => Path::new(source).is_file(),
                false => compose.volumes.iter().any(|volume| volume == source),
            };
            assert!(exists, "{name}: {source}");
        }
    }
}
