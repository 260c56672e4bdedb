//! The gateway's footprint when idle.

use std::fs;

use gateway_tests::OwnGateway;
use local_stack::Programs;

const MIB: u64 = 1024 * 1024;

#[tokio::test]
async fn an_idle_control_plane_takes_less_than_60_mib() {
    let own = OwnGateway::start(&[]).await;
    let resident = own.gateway().resident_bytes("control-plane");
    assert!(resident < 60 * MIB, "{} KiB", resident / 1024);
}

#[test]
fn the_filter_is_smaller_than_1_mib() {
    let size = fs::metadata(Programs::of_this_build().unwrap().filter).unwrap().len();
    assert!(size < MIB, "{size} bytes");
}
