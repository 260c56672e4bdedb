//! Where a payer's browser may be sent.

use std::net::IpAddr;

use edge_core::request::{ReturnUrlHosts, is_return_url};
use url::{Host, Url};

use crate::fixture::texts;

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if is_return_url(text) {
        is_read_alike(text);
    }
    if let Ok(hosts) = ReturnUrlHosts::new([text]) {
        let names: Vec<_> = hosts.names().collect();
        assert_eq!(names.len(), 1);
        assert_eq!(ReturnUrlHosts::new(names).unwrap().names().next(), hosts.names().next());
        assert!(is_return_url(&format!("https://{text}/")));
    }
}

/// A browser (the WHATWG URL standard) goes to the host in the URL, over TLS or to the payer's own machine.
fn is_read_alike(text: &str) {
    let authority = text.split_once("://").unwrap().1.split(['/', '?', '#']).next().unwrap();
    // `xn--` names have more rules there; a browser refuses what breaks them.
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(_) if authority.to_ascii_lowercase().contains("xn--") => return,
        Err(error) => panic!("{text} is no URL: {error}"),
    };
    assert!(url.username().is_empty() && url.password().is_none(), "{text}");
    let host = url.host().expect("a host");
    let written = authority.to_ascii_lowercase();
    match &host {
        Host::Domain(name) => {
            assert!(written == *name || written.starts_with(&format!("{name}:")), "{text}: {name}");
        }
        Host::Ipv4(address) => assert!(written.trim_end_matches('.').starts_with(&address.to_string())),
        Host::Ipv6(_) => assert!(written.starts_with('[')),
    }
    let is_here = match &host {
        Host::Domain(name) => name.trim_end_matches('.') == "localhost",
        Host::Ipv4(address) => IpAddr::from(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::from(*address).is_loopback(),
    };
    assert!(url.scheme() == "https" || (url.scheme() == "http" && is_here), "{text}");
}

pub fn seeds() -> Vec<Vec<u8>> {
    texts([
        "https://shop.example/back?x=1#y",
        "https://SHOP.example.:8443",
        "http://localhost:3000/back",
        "http://127.0.0.1",
        "http://[::1]:3000/",
        "https://[2001:db8::1]/",
        "https://xn--bcher-kva.example/",
        "https://user:secret@shop.example/",
        "https://shop.example\\@evil.example/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://1.2.3.4.",
        "http://localhost.evil.example",
        "javascript://shop.example/%0aalert(1)",
        "https://control_plane:1/",
        "shop.example",
    ])
}
