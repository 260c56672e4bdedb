//! Attestations: what is signed, verified and refused.

use super::*;
use crate::test;

const NOW: u64 = 1_764_000_000;
const OLD: &str = "old:0101010101010101010101010101010101010101010101010101010101010101";
const NEW: &str = "new:0202020202020202020202020202020202020202020202020202020202020202";

fn keys(list: &str) -> Keys {
    Keys::parse(list).unwrap()
}

fn statement() -> Statement {
    Statement { client: ClientId::parse("demo"), ..Statement::anonymous("7d1b-1".to_owned()) }
}

fn charge() -> Request<'static> {
    Request::new("POST", "/payments/charge?x=1", b"{\"amount\":1}")
}

#[test]
fn the_control_plane_accepts_what_the_edge_signs() {
    let header = keys(OLD).sign(&charge(), &statement(), NOW);
    assert_eq!(keys(OLD).verify(header.as_bytes(), &charge(), NOW + 60), Ok(statement()));
}

#[test]
fn a_request_without_a_client_can_be_attested() {
    let anonymous = Statement { client: None, ..statement() };
    let header = keys(OLD).sign(&charge(), &anonymous, NOW);
    assert_eq!(keys(OLD).verify(header.as_bytes(), &charge(), NOW), Ok(anonymous));
}

#[test]
fn a_key_and_a_webhook_survive_the_round_trip() {
    let scope = Scope::from_hex(&"ab".repeat(32)).unwrap();
    let fingerprint = Fingerprint::from_hex(&"cd".repeat(32)).unwrap();
    for fence in [None, Fence::new(7)] {
        let statement = Statement { key: Some(AttestedKey { scope, fingerprint, fence }), ..statement() };
        let header = keys(OLD).sign(&charge(), &statement, NOW);
        assert_eq!(keys(OLD).verify(header.as_bytes(), &charge(), NOW), Ok(statement));
    }
    for provider in Provider::ALL {
        let statement = Statement { webhook: Some(provider), ..Statement::anonymous("7d1b".to_owned()) };
        let header = keys(OLD).sign(&charge(), &statement, NOW);
        assert_eq!(keys(OLD).verify(header.as_bytes(), &charge(), NOW), Ok(statement));
    }
}

#[test]
fn a_ticket_survives_the_round_trip_and_belongs_to_the_client() {
    let client = ClientId::parse("demo").unwrap();
    let payment = "txn_01890000-0000-7000-8000-00000000abcd".to_owned();
    let ticket = Ticket { client, payment, expires_s: NOW + 9 };
    let statement = Statement { ticket: Some(ticket.clone()), ..statement() };
    let header = keys(OLD).sign(&charge(), &statement, NOW);
    assert_eq!(keys(OLD).verify(header.as_bytes(), &charge(), NOW), Ok(statement.clone()));
    for (part, other) in [
        (ticket.payment.as_str(), "txn_01890000-0000-7000-8000-00000000abce"),
        (";tick=", ";tock="),
        (";client=demo;", ";client=;"),
    ] {
        let altered = header.replace(part, other);
        assert!(keys(OLD).verify(altered.as_bytes(), &charge(), NOW).is_err(), "{altered}");
    }
    let (without, _) = header.split_once(";tick=").unwrap();
    let (_, mac) = header.rsplit_once(";mac=").unwrap();
    let as_key = format!("{without};mac={mac}");
    assert_eq!(keys(OLD).verify(as_key.as_bytes(), &charge(), NOW), Err(AttestationError::Mismatch));
}

#[test]
fn any_altered_part_of_the_request_is_detected() {
    let header = keys(OLD).sign(&charge(), &statement(), NOW);
    let altered = [
        Request { method: "PUT", ..charge() },
        Request { path: "/payments/refund?x=1", ..charge() },
        Request { path: "/payments/charge", ..charge() },
        Request::new("POST", "/payments/charge?x=1", b"{\"amount\":2}"),
    ];
    for request in altered {
        assert_eq!(
            keys(OLD).verify(header.as_bytes(), &request, NOW),
            Err(AttestationError::Mismatch),
            "{request:?}"
        );
    }
}

#[test]
fn an_altered_statement_is_detected() {
    let header = keys(OLD).sign(&charge(), &statement(), NOW).replace("client=demo", "client=demo-2");
    assert_eq!(keys(OLD).verify(header.as_bytes(), &charge(), NOW), Err(AttestationError::Mismatch));
}

#[test]
fn an_attestation_is_fresh_for_a_minute_in_either_direction() {
    let header = keys(OLD).sign(&charge(), &statement(), NOW);
    for now in [NOW + 60, NOW - 60] {
        assert_eq!(keys(OLD).verify(header.as_bytes(), &charge(), now), Ok(statement()));
    }
    for now in [NOW + 61, NOW - 61] {
        assert_eq!(keys(OLD).verify(header.as_bytes(), &charge(), now), Err(AttestationError::Stale));
    }
}

#[test]
fn a_signature_shows_the_clock_difference_whether_fresh_or_not() {
    let header = keys(OLD).sign(&charge(), &statement(), NOW);
    let signed = keys(OLD).authenticate(header.as_bytes(), &charge()).unwrap();
    for (now, ahead) in
        [(NOW, 0), (NOW + 45, -45), (NOW - 45, 45), (NOW + 86_400, -86_400), (0, 1_764_000_000)]
    {
        assert_eq!(signed.ahead_of(now), ahead);
    }
}

#[test]
fn equal_requests_of_one_second_differ_in_their_macs_by_their_ids() {
    let mac_of = |id: &str| {
        let statement = Statement { request_id: id.to_owned(), ..statement() };
        let header = keys(OLD).sign(&charge(), &statement, NOW);
        keys(OLD).authenticate(header.as_bytes(), &charge()).unwrap().mac()
    };
    assert_eq!(mac_of("7d1b-1"), mac_of("7d1b-1"));
    assert_ne!(mac_of("7d1b-1"), mac_of("7d1b-2"));
}

#[test]
fn a_key_rotates_without_a_rejected_request() {
    let both = keys(&format!("{NEW},{OLD}"));
    let by_old = keys(OLD).sign(&charge(), &statement(), NOW);
    let by_new = both.sign(&charge(), &statement(), NOW);
    assert!(both.verify(by_old.as_bytes(), &charge(), NOW).is_ok());
    assert!(keys(NEW).verify(by_new.as_bytes(), &charge(), NOW).is_ok());
    assert_eq!(keys(NEW).verify(by_old.as_bytes(), &charge(), NOW), Err(AttestationError::UnknownKey));
}

#[test]
fn nonsense_is_malformed_and_never_panics() {
    let good = keys(OLD).sign(&charge(), &statement(), NOW);
    let nonsense =
        ["", ";mac=", "v=1", "v=2;kid=old;t=1;rid=a;client=;mac=00", &good[..40], "v=1;kid=old;t=x"];
    let other = good.replace("aud=control-plane", "aud=worker");
    let later = good.replace("v=2;", "v=3;");
    let nonsense = nonsense.into_iter().chain([&*other, &*later]);
    for header in nonsense {
        assert_eq!(
            keys(OLD).verify(header.as_bytes(), &charge(), NOW),
            Err(AttestationError::Malformed),
            "{header}"
        );
    }
    assert_eq!(keys(OLD).verify(&[0xff, 0xfe], &charge(), NOW), Err(AttestationError::Malformed));
}

#[test]
fn an_attestation_for_one_service_does_not_pass_at_another() {
    let keys = keys(OLD);
    for (audience, other) in
        [(Audience::ControlPlane, Audience::EdgeCache), (Audience::EdgeCache, Audience::ControlPlane)]
    {
        let (request, elsewhere) = (charge().to(audience), charge().to(other));
        let header = keys.sign(&request, &statement(), NOW);
        assert_eq!(keys.verify(header.as_bytes(), &request, NOW), Ok(statement()));
        assert_eq!(keys.verify(header.as_bytes(), &elsewhere, NOW), Err(AttestationError::Audience));
        let renamed = header.replace(audience.name(), other.name());
        assert_eq!(keys.verify(renamed.as_bytes(), &elsewhere, NOW), Err(AttestationError::Mismatch));
    }
}

#[test]
fn the_edge_signs_with_its_own_subkeys_and_an_edge_cache_cannot() {
    let all = keys(OLD);
    let edge = Keys::parse_for(Holder::Edge, &all.of(Holder::Edge).unwrap()).unwrap();
    let cache = Keys::parse_for(Holder::EdgeCache, &all.of(Holder::EdgeCache).unwrap()).unwrap();
    let header = edge.sign(&charge(), &statement(), NOW);
    assert_eq!(header, all.sign(&charge(), &statement(), NOW));
    assert_eq!(all.verify(header.as_bytes(), &charge(), NOW), Ok(statement()));
    let claims = charge().to(Audience::EdgeCache);
    let header = edge.sign(&claims, &statement(), NOW);
    assert_eq!(cache.verify(header.as_bytes(), &claims, NOW), Ok(statement()));
    assert_eq!(cache.sign(&charge(), &statement(), NOW), "", "it has no subkey to sign with");
    // All that it could do is to sign for the control plane with the subkey that it verifies with.
    let fields = "v=2;aud=control-plane;kid=old;t=1764000000;rid=7d1b-1;client=demo;idem=;hook=";
    let subkey = cache.first().unwrap().subkey(Purpose::ToEdgeCache).unwrap();
    let forged =
        format!("{fields};mac={}", hex::encode(mac(subkey, fields, &charge()).finalize().into_bytes()));
    assert_eq!(all.verify(forged.as_bytes(), &charge(), NOW), Err(AttestationError::Mismatch));
}

#[test]
fn the_attestation_of_an_earlier_release_is_accepted_by_who_has_the_secret() {
    let all = keys(OLD);
    let fields = "v=1;kid=old;t=1764000000;rid=7d1b-1;client=demo;idem=;hook=";
    let secret = all.first().unwrap().secret().unwrap();
    let header =
        format!("{fields};mac={}", hex::encode(mac(secret, fields, &charge()).finalize().into_bytes()));
    assert_eq!(all.verify(header.as_bytes(), &charge(), NOW), Ok(statement()));
    let cache = Keys::parse_for(Holder::EdgeCache, &all.of(Holder::EdgeCache).unwrap()).unwrap();
    assert_eq!(cache.verify(header.as_bytes(), &charge(), NOW), Err(AttestationError::UnknownKey));
    // Until no edge of such a release is left.
    let ended = keys(OLD).rejecting_earlier();
    assert_eq!(ended.verify(header.as_bytes(), &charge(), NOW), Err(AttestationError::UnknownKey));
    let present = all.sign(&charge(), &statement(), NOW);
    assert_eq!(ended.verify(present.as_bytes(), &charge(), NOW), Ok(statement()));
    // Subkeys alone cannot sign like that.
    let edge = Keys::parse_for(Holder::Edge, &all.of(Holder::Edge).unwrap()).unwrap();
    let subkey = edge.first().unwrap().subkey(Purpose::ToControlPlane).unwrap();
    let forged =
        format!("{fields};mac={}", hex::encode(mac(subkey, fields, &charge()).finalize().into_bytes()));
    assert_eq!(all.verify(forged.as_bytes(), &charge(), NOW), Err(AttestationError::Mismatch));
}

/// Only the edge can sign, but nothing that it signs has two spellings.
#[test]
fn an_attestation_in_another_spelling_is_malformed_even_with_a_good_mac() {
    let hash = "ab".repeat(32);
    let signed = |time: &str, idem: &str, rest: &str| {
        let fields =
            format!("v=2;aud=control-plane;kid=old;t={time};rid=7d1b-1;client=demo;idem={idem};hook={rest}");
        let keys = keys(OLD);
        let subkey = keys.first().unwrap().subkey(Purpose::ToControlPlane).unwrap();
        let mac = hex::encode(mac(subkey, &fields, &charge()).finalize().into_bytes());
        format!("{fields};mac={mac}")
    };
    let time = NOW.to_string();
    let idem = format!("{hash}.{hash}.7");
    let good = signed(&time, &idem, "");
    assert!(keys(OLD).verify(good.as_bytes(), &charge(), NOW).is_ok());
    let (fields, mac) = good.rsplit_once('=').unwrap();
    for header in [
        signed(&format!("+{time}"), &idem, ""),
        signed(&format!("0{time}"), &idem, ""),
        signed(&time, &format!("{hash}.{hash}.07"), ""),
        signed(&time, &format!("{}.{hash}.7", hash.to_uppercase()), ""),
        signed(&time, &format!("{hash}.{}.7", hash.to_uppercase()), ""),
        signed(&time, "", &format!(";tick=txn_01890000-0000-7000-8000-00000000abcd.+{time}")),
        format!("{fields}={}", mac.to_uppercase()),
    ] {
        let verified = keys(OLD).verify(header.as_bytes(), &charge(), NOW);
        assert_eq!(verified, Err(AttestationError::Malformed), "{header}");
    }
}
