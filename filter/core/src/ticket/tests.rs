//! Tickets: what is signed, verified and refused.

use super::*;
use crate::attestation::{Request, Statement};
use crate::card;
use crate::test;

const NOW: u64 = 1_764_000_000;
const OLD: &str = "old:0101010101010101010101010101010101010101010101010101010101010101";
const NEW: &str = "new:0202020202020202020202020202020202020202020202020202020202020202";
const TXN: &str = "txn_01890000-0000-7000-8000-00000000abcd";

fn keys(list: &str) -> Keys {
    Keys::parse(list).unwrap()
}

fn ticket() -> Ticket {
    Ticket { client: ClientId::parse("demo").unwrap(), payment: TXN.to_owned(), expires_s: NOW + 300 }
}

/// A ticket of this content with a good MAC.
fn signed(content: &str) -> String {
    let keys = keys(OLD);
    let subkey = keys.first().unwrap().subkey(Purpose::Tickets).unwrap();
    let mac = subkey.clone().chain_update(content).finalize().into_bytes();
    let bytes = content.bytes().chain(mac);
    let letters = bytes.flat_map(|byte| [letter(byte >> 4), letter(byte & 0xf)]);
    PREFIX.chars().chain(letters).collect()
}

#[test]
fn a_ticket_is_valid_until_the_second_in_which_it_expires() {
    let text = ticket().sign(&keys(OLD));
    assert_eq!(Ticket::verify(&text, &keys(OLD), NOW), Ok(ticket()));
    assert_eq!(Ticket::verify(&text, &keys(OLD), NOW + 299), Ok(ticket()));
    for late in [NOW + 300, NOW + 86_400, u64::MAX] {
        assert_eq!(Ticket::verify(&text, &keys(OLD), late), Err(TicketError::Expired));
    }
    let longest = Ticket { expires_s: NOW + 3_660, ..ticket() };
    assert_eq!(Ticket::verify(&longest.sign(&keys(OLD)), &keys(OLD), NOW), Ok(longest.clone()));
    let too_long = Ticket { expires_s: NOW + 3_661, ..ticket() };
    assert_eq!(Ticket::verify(&too_long.sign(&keys(OLD)), &keys(OLD), NOW), Err(TicketError::Invalid));
}

#[test]
fn a_ticket_of_a_former_key_is_valid_while_the_key_is_listed() {
    let both = keys(&format!("{NEW},{OLD}"));
    let text = ticket().sign(&keys(OLD));
    assert_eq!(Ticket::verify(&text, &both, NOW), Ok(ticket()));
    assert_eq!(Ticket::verify(&text, &keys(NEW), NOW), Err(TicketError::Invalid));
    assert_eq!(Ticket::verify(&ticket().sign(&both), &keys(NEW), NOW), Ok(ticket()));
}

#[test]
fn a_ticket_with_any_letter_changed_or_missing_is_invalid() {
    let text = ticket().sign(&keys(OLD));
    for place in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[place] = if changed[place] == b'b' { b'c' } else { b'b' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(Ticket::verify(&changed, &keys(OLD), NOW), Err(TicketError::Invalid), "{place}");
        let shorter = &text[..place];
        assert_eq!(Ticket::verify(shorter, &keys(OLD), NOW), Err(TicketError::Invalid), "{place}");
    }
    for nonsense in ["", "evtk_", "evtk_a", &text.to_uppercase(), &format!("{text}aa"), &"evtk_a".repeat(999)]
    {
        assert_eq!(Ticket::verify(nonsense, &keys(OLD), NOW), Err(TicketError::Invalid), "{nonsense}");
    }
}

/// Only the gateway can sign, but a later version of it may sign something else.
#[test]
fn a_ticket_of_another_form_is_invalid() {
    let expires = NOW + 300;
    assert_eq!(
        Ticket::verify(&signed(&format!("1;old;demo;{TXN};{expires}")), &keys(OLD), NOW),
        Ok(ticket())
    );
    for content in [
        format!("2;old;demo;{TXN};{expires}"),
        format!("1;old;demo;{TXN};{expires};"),
        format!("1;old;;{TXN};{expires}"),
        format!("1;old;de mo;{TXN};{expires}"),
        format!("1;old;demo;rfnd_1;{expires}"),
        format!("1;old;demo;{TXN};"),
        format!("1;old;demo;{TXN};-1"),
        format!("1;old;demo;{TXN};+{expires}"),
        format!("1;old;demo;{TXN};0{expires}"),
        format!("1;older;demo;{TXN};{expires}"),
        String::new(),
    ] {
        assert_eq!(
            Ticket::verify(&signed(&content), &keys(OLD), NOW),
            Err(TicketError::Invalid),
            "{content}"
        );
    }
}

/// The keys differ by purpose, so that neither can be read as the other even if their texts were alike.
#[test]
fn no_attestation_or_seal_passes_as_a_ticket_and_no_ticket_as_an_attestation() {
    let keys = keys(OLD);
    let key = keys.first().unwrap();
    let content = format!("1;old;demo;{TXN};{}", NOW + 300);
    let ticketing = key.subkey(Purpose::Tickets).unwrap();
    for other in [key.secret(), key.subkey(Purpose::ToControlPlane), key.subkey(Purpose::Seals)] {
        let mac = other.unwrap().clone().chain_update(&content).finalize().into_bytes();
        assert_ne!(mac, ticketing.clone().chain_update(&content).finalize().into_bytes());
    }
    let request = Request::new("GET", "/events", b"");
    let attestation = keys.sign(&request, &Statement::anonymous("r-1".to_owned()), NOW);
    let as_ticket = format!("{PREFIX}{attestation}");
    assert_eq!(Ticket::verify(&as_ticket, &keys, NOW), Err(TicketError::Invalid));
    let text = ticket().sign(&keys);
    assert!(keys.verify(text.as_bytes(), &request, NOW).is_err());
}

#[test]
fn a_ticket_contains_no_secret_and_is_taken_for_no_card_number() {
    for payment in
        ["txn_41111111-1111-1111-8411-111111111111", "txn_01890000-5555-7555-8555-555555554444", TXN]
    {
        let text = Ticket { payment: payment.to_owned(), ..ticket() }.sign(&keys(OLD));
        assert!(card::find_in_target(&format!("/events?ticket={text}")).is_none(), "{text}");
        let content = String::from_utf8_lossy(&decode(&text).unwrap()).into_owned();
        assert!(content.starts_with(&format!("1;old;demo;{payment};")) && !content.contains("0101010101"));
        assert!(text.len() < 200, "{}", text.len());
    }
}

#[test]
fn a_ticket_is_carried_by_the_query_or_as_a_subprotocol_and_once() {
    let found = |query, lines: &[&'static str]| carried(query, lines.iter().map(|line| line.as_bytes()));
    let one = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(found("types=payment.completed&ticket=evtk_a", &[]), one("evtk_a"));
    assert_eq!(found("%74icket=x%41", &[]), one("xA"));
    assert_eq!(found("ticket=", &[]), one(""));
    assert_eq!(found("", &["gateway.events.v1, evtk_a"]), one("evtk_a"));
    assert_eq!(found("", &["gateway.events.v1", " evtk_b "]), one("evtk_b"));
    assert_eq!(found("", &["gateway.events.v1", "chat"]), Ok(None));
    assert_eq!(found("tickets=evtk_a&x=ticket", &[]), Ok(None));
    assert_eq!(carried("", [&[0xff, 0xfe][..]]), Ok(None));
    for (query, lines) in [
        ("ticket=evtk_a&ticket=evtk_a", &[][..]),
        ("ticket=evtk_a", &["evtk_a"][..]),
        ("", &["evtk_a,evtk_b"][..]),
    ] {
        assert_eq!(found(query, lines), Err(TicketError::Several), "{query}");
    }
}
