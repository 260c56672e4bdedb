//! Reading PayPal's errors.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::blame::tests::repeated;

fn problem(status: u16, name: &str, issue: Option<&str>, field: Option<&str>) -> Problem {
    let details: Vec<_> = issue
        .iter()
        .map(|issue| json!({ "issue": issue, "field": field, "description": "Because." }))
        .collect();
    let body =
        json!({ "name": name, "message": "Refused.", "debug_id": "d", "details": details, "links": [] });
    Problem::read(&ProviderResponse::of(status, body.to_string()))
}

fn kind(status: u16, issue: &str, field: Option<&str>) -> RefusalKind {
    kind_for(RequestKind::CompleteOrder, status, issue, field)
}

fn kind_for(asked: RequestKind, status: u16, issue: &str, field: Option<&str>) -> RefusalKind {
    match problem(status, "UNPROCESSABLE_ENTITY", Some(issue), field).not_done(asked) {
        NotDone::Refused(refusal) => refusal.kind,
        other => panic!("{issue}: {other:?}"),
    }
}

fn invalid(param: &str) -> RefusalKind {
    super::invalid(Some(param))
}

#[test]
fn each_issue_belongs_to_the_party_that_can_act_on_it() {
    for (issue, expected) in [
        ("INSTRUMENT_DECLINED", RefusalKind::Declined),
        ("AGREEMENT_ALREADY_CANCELLED", RefusalKind::Declined),
        ("CAPTURE_FULLY_REFUNDED", RefusalKind::RefundExceeds),
        ("REFUND_AMOUNT_EXCEEDED", RefusalKind::RefundExceeds),
        ("PENDING_CAPTURE", RefusalKind::State),
        ("AUTHORIZATION_VOIDED", RefusalKind::State),
        ("TOKEN_ID_NOT_FOUND", invalid("paymentMethodId")),
        ("INVALID_CURRENCY_CODE", invalid("currency")),
        ("MAX_CAPTURE_AMOUNT_EXCEEDED", invalid("amount")),
        ("AUTHORIZATION_EXPIRED", RefusalKind::Expired),
        ("ORDER_EXPIRED", RefusalKind::Expired),
        ("REFUND_FAILED_INSUFFICIENT_FUNDS", RefusalKind::Declined),
        ("PARTIAL_REFUND_NOT_ALLOWED", invalid("amount")),
        ("CURRENCY_NOT_SUPPORTED_FOR_CARD_TYPE", invalid("currency")),
        ("INVALID_EXPIRY_DATE", invalid("paymentMethodId")),
        ("PAYEE_ACCOUNT_RESTRICTED", RefusalKind::Configuration),
        ("AUTH_CAPTURE_NOT_ENABLED", RefusalKind::Configuration),
        ("AN_ISSUE_OF_NEXT_YEAR", RefusalKind::Invalid { param: None }),
    ] {
        assert_eq!(kind(422, issue, None), expected, "{issue}");
    }
}

#[test]
fn a_path_leads_to_the_field_the_client_knows() {
    for (path, field) in [
        ("/purchase_units/@reference_id=='default'/amount/value", "amount"),
        ("/purchase_units/0/amount/currency_code", "currency"),
        ("/payment_source/card/vault_id", "paymentMethodId"),
        ("/payment_source/paypal/experience_context/return_url", "returnUrl"),
        ("/purchase_units/0/description", "description"),
        ("/purchase_units/0/reference_id", "customerReference"),
    ] {
        assert_eq!(kind(400, "INVALID_PARAMETER_SYNTAX", Some(path)), invalid(field), "{path}");
    }
    assert_eq!(kind(400, "INVALID_PARAMETER_SYNTAX", Some("/intent")), RefusalKind::Configuration);
}

#[test]
fn the_clients_message_is_paypals_description_unless_it_is_about_us() {
    let NotDone::Refused(declined) =
        problem(422, "X", Some("INSTRUMENT_DECLINED"), None).not_done(RequestKind::CompleteOrder)
    else {
        panic!("not refused")
    };
    assert_eq!(
        (declined.code.as_deref(), declined.message.as_str()),
        (Some("INSTRUMENT_DECLINED"), "Because.")
    );
    let NotDone::Refused(ours) =
        problem(403, "NOT_AUTHORIZED", Some("PERMISSION_DENIED"), None).not_done(RequestKind::CompleteOrder)
    else {
        panic!("not refused")
    };
    assert_eq!(ours.kind, RefusalKind::Configuration);
    assert!(!ours.message.contains("Because"));
}

#[test]
fn what_was_not_executed_and_what_may_have_been_are_kept_apart() {
    let limited = problem(429, "RATE_LIMIT_REACHED", None, None);
    assert!(matches!(limited.not_done(RequestKind::Refund), NotDone::NotSent(_)));
    let html = |status| Problem::read(&ProviderResponse::of(status, "<html>no</html>"));
    let uncertainties = [
        problem(409, "RESOURCE_CONFLICT", Some("PREVIOUS_REQUEST_IN_PROGRESS"), None),
        problem(422, "UNPROCESSABLE_ENTITY", Some("ORDER_COMPLETION_IN_PROGRESS"), None),
        problem(422, "UNPROCESSABLE_ENTITY", Some("DUPLICATE_INVOICE_ID"), None),
        problem(500, "INTERNAL_SERVER_ERROR", None, None),
        problem(503, "SERVICE_UNAVAILABLE", None, None),
        html(200),
        html(400),
        html(502),
    ];
    for uncertainty in uncertainties {
        assert!(matches!(uncertainty.not_done(RequestKind::Refund), NotDone::Unknown(_)), "{uncertainty:?}");
    }
}

#[test]
fn a_404_in_another_form_than_paypals_shows_nothing() {
    for body in ["{}", r#"{"message":"no route"}"#, r#"{"error":"not found"}"#, "not found", ""] {
        let problem = Problem::read(&ProviderResponse::of(404, body));
        assert!(!problem.is_missing(), "{body}");
        for asked in
            [RequestKind::Look, RequestKind::Refund, RequestKind::Capture, RequestKind::CompleteOrder]
        {
            assert!(matches!(problem.not_done(asked), NotDone::Unknown(_)), "{body}");
        }
    }
    assert!(problem(404, "RESOURCE_NOT_FOUND", None, None).is_missing());
}

#[test]
fn an_invoice_paid_before_leaves_a_doubt_about_refunds_alone() {
    let duplicate = |asked| kind_for(asked, 422, DUPLICATE_INVOICE_ID, None);
    assert_eq!(duplicate(RequestKind::CompleteOrder), invalid("paymentMethodId"));
    assert_eq!(duplicate(RequestKind::Capture), RefusalKind::State);
}

#[test]
fn what_paypal_does_not_have_is_the_clients_where_the_client_named_it() {
    for (status, issue) in
        [(404, "INVALID_RESOURCE_ID"), (422, "INVALID_RESOURCE_ID"), (404, "RESOURCE_NOT_FOUND")]
    {
        for field in [None, Some("/payment_source/paypal/vault_id")] {
            let told = |asked| kind_for(asked, status, issue, field);
            assert_eq!(
                told(RequestKind::MakeOrder { names_method: true }),
                invalid("paymentMethodId"),
                "{issue}"
            );
            for asked in [RequestKind::Capture, RequestKind::Void, RequestKind::Refund] {
                assert_eq!(told(asked), RefusalKind::State, "{issue} {asked:?}");
            }
        }
        let nothing_named = RequestKind::MakeOrder { names_method: false };
        assert_eq!(kind_for(nothing_named, status, issue, None), RefusalKind::Configuration);
    }
}

#[test]
fn an_issue_of_next_year_is_never_called_a_fault_of_the_gateway() {
    for status in [400, 422] {
        for field in [None, Some("/something/new")] {
            let told = |asked| kind_for(asked, status, "AN_ISSUE_OF_NEXT_YEAR", field);
            for asked in [RequestKind::MakeOrder { names_method: true }, RequestKind::CompleteOrder] {
                assert_eq!(told(asked), super::invalid(None), "{status} {asked:?}");
            }
            for asked in [RequestKind::Capture, RequestKind::Void, RequestKind::Refund] {
                assert_eq!(told(asked), RefusalKind::State, "{status} {asked:?}");
            }
        }
    }
}

#[test]
fn a_balance_too_low_to_refund_is_a_decline() {
    for issue in ["INSUFFICIENT_FUNDS", "REFUND_FAILED_INSUFFICIENT_FUNDS"] {
        assert_eq!(kind_for(RequestKind::Refund, 422, issue, None), RefusalKind::Declined, "{issue}");
    }
}

#[test]
fn every_issue_has_one_to_blame() {
    assert_eq!(repeated(issues::ISSUES), Vec::<&str>::new());
}

#[test]
fn every_issue_of_the_published_contracts_is_classified() {
    // This gateway does not call the API for shipment tracking.
    let called = |path: &str| !path.contains("/track");
    for file in ["checkout_orders_v2.json", "payments_payment_v2.json"] {
        let Some(contract) = contract(file) else { return };
        let mut issues = Vec::new();
        let paths = contract["paths"].as_object().unwrap();
        for (_, calls) in paths.iter().filter(|(path, _)| called(path)) {
            for method in ["get", "post"] {
                collect_issues(&contract, &calls[method]["responses"], &mut issues);
            }
        }
        assert!(issues.len() > 20, "{file} lists only {issues:?}");
        for issue in issues {
            let is_known = blame(issues::ISSUES, &issue).is_some() || IN_PROGRESS.contains(&&*issue);
            assert!(is_known, "{file}: no table names {issue}");
        }
    }
}

#[test]
fn what_another_way_to_pay_can_answer_is_a_decline() {
    for issue in DECLINED_FOR_NOW {
        assert_eq!(blame(issues::ISSUES, issue), Some(Blame::Payer), "{issue}");
    }
}

/// Collects the issues of a call's answers, from `responses` or the schemas it refers to.
fn collect_issues(contract: &Value, responses: &Value, issues: &mut Vec<String>) {
    match responses {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                let target = contract.pointer(reference.trim_start_matches('#')).unwrap();
                // Schemas of successful answers refer to themselves.
                if reference.contains("/4") || reference.contains("-4") {
                    collect_issues(contract, target, issues);
                }
            }
            if let Some(Value::Array(names)) = responses.pointer("/properties/issue/enum") {
                issues.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            fields.values().for_each(|field| collect_issues(contract, field, issues));
        }
        Value::Array(all) => all.iter().for_each(|each| collect_issues(contract, each, issues)),
        _ => {}
    }
}

/// A published contract from the folder `GATEWAY_SHARED` (default: `../shared` beside the repository). If it is
/// missing, returns `None` and reports that past the test harness.
fn contract(file: &str) -> Option<Value> {
    let shared = std::env::var_os("GATEWAY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let Ok(text) = fs::read(shared.join("contracts/paypal").join(file)) else {
        let why = format!("SKIPPED: {file}: GATEWAY_SHARED does not lead to it\n");
        io::stderr().write_all(why.as_bytes()).unwrap();
        return None;
    };
    Some(serde_json::from_slice(&text).unwrap())
}
