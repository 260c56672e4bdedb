//! Stripe's lists, which reconciliation uses.

use std::collections::HashSet;

use crate::support::{HttpResponse, TestSandbox, json};

fn ids(list: &HttpResponse) -> Vec<String> {
    let data = list.body["data"].as_array().unwrap();
    data.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn payment_intents_are_listed_newest_first_page_by_page() {
    let sandbox = TestSandbox::new().await;
    let mut created = Vec::new();
    for _ in 0..5 {
        created.insert(0, sandbox.stripe_pay("pm_card_visa", 500, "").await.id().to_owned());
        sandbox.hours_pass(1);
    }
    let first = sandbox.stripe_get("payment_intents?limit=2").await;
    assert_eq!(ids(&first), created[..2]);
    assert_eq!(first.body["has_more"], true);
    let last = sandbox.stripe_get(&format!("payment_intents?limit=3&starting_after={}", created[1])).await;
    assert_eq!(ids(&last), created[2..]);
    assert_eq!(last.body["has_more"], false);
}

#[tokio::test]
async fn a_page_before_an_object_has_the_newer_ones_next_to_it() {
    let sandbox = TestSandbox::new().await;
    let mut created = Vec::new();
    for _ in 0..4 {
        created.insert(0, sandbox.stripe_pay("pm_card_visa", 500, "").await.id().to_owned());
    }
    let near = sandbox.stripe_get(&format!("payment_intents?limit=2&ending_before={}", created[3])).await;
    assert_eq!((ids(&near), &near.body["has_more"]), (created[1..3].to_vec(), &json!(true)));
    let rest = sandbox.stripe_get(&format!("payment_intents?limit=2&ending_before={}", created[1])).await;
    assert_eq!((ids(&rest), &rest.body["has_more"]), (created[..1].to_vec(), &json!(false)));
}

#[tokio::test]
async fn a_list_of_more_than_five_thousand_is_complete() {
    let sandbox = TestSandbox::new().await;
    const MADE: usize = 5_130;
    for made in 0..MADE {
        let form = "amount=500&currency=usd&payment_method_types[]=card";
        assert_eq!(sandbox.stripe_post("payment_intents", form).await.status, 200);
        if made % 1_000 == 0 {
            sandbox.hours_pass(1);
        }
    }
    let mut seen = HashSet::new();
    let mut cursor = String::new();
    loop {
        let page = sandbox.stripe_get(&format!("payment_intents?limit=100{cursor}")).await;
        let found = ids(&page);
        cursor = format!("&starting_after={}", found.last().unwrap());
        assert!(found.into_iter().all(|id| seen.insert(id)));
        if page.body["has_more"] == false {
            break;
        }
    }
    assert_eq!(seen.len(), MADE);
}

#[tokio::test]
async fn a_time_window_selects() {
    let sandbox = TestSandbox::new().await;
    let start = 1_767_225_600; // 2026-01-01T00:00:00Z
    let mut created = Vec::new();
    for _ in 0..3 {
        created.push(sandbox.stripe_pay("pm_card_visa", 500, "").await.id().to_owned());
        sandbox.hours_pass(1);
    }
    let since = sandbox.stripe_get(&format!("payment_intents?created[gte]={}", start + 3600)).await;
    assert_eq!(ids(&since), [created[2].clone(), created[1].clone()]);
    let before = sandbox.stripe_get(&format!("payment_intents?created[lt]={}", start + 3600)).await;
    assert_eq!(ids(&before), [created[0].clone()]);
    let none = sandbox.stripe_get(&format!("payment_intents?created[gt]={}", start + 7200)).await;
    assert!(ids(&none).is_empty());
}

#[tokio::test]
async fn refunds_are_listed_by_payment_intent() {
    let sandbox = TestSandbox::new().await;
    let (one, two) = (
        sandbox.stripe_pay("pm_card_visa", 500, "").await,
        sandbox.stripe_pay("pm_card_visa", 500, "").await,
    );
    let mut of_one = Vec::new();
    for paid in [&one, &two, &one] {
        let refund =
            sandbox.stripe_post("refunds", &format!("payment_intent={}&amount=100", paid.id())).await;
        if paid.id() == one.id() {
            of_one.insert(0, refund.id().to_owned());
        }
    }
    let list = sandbox.stripe_get(&format!("refunds?payment_intent={}", one.id())).await;
    assert_eq!(ids(&list), of_one);
    let rest = sandbox
        .stripe_get(&format!("refunds?payment_intent={}&starting_after={}", one.id(), of_one[0]))
        .await;
    assert_eq!(ids(&rest), of_one[1..]);
    assert_eq!(ids(&sandbox.stripe_get("refunds").await).len(), 3);
}

#[tokio::test]
async fn wrong_pages_are_refused_by_name() {
    let sandbox = TestSandbox::new().await;
    for (query, code, param) in [
        ("limit=0", "parameter_invalid_integer", "limit"),
        ("limit=101", "parameter_invalid_integer", "limit"),
        ("starting_after=pi_none", "resource_missing", "starting_after"),
        ("ending_before=pi_none", "resource_missing", "ending_before"),
        ("ending_before=pi_1&starting_after=pi_2", "", ""),
        ("created[since]=1", "parameter_unknown", "created[since]"),
        ("colour=red", "parameter_unknown", "colour"),
    ] {
        assert_eq!(
            sandbox.stripe_get(&format!("payment_intents?{query}")).await.error(),
            (400, code, param),
            "{query}"
        );
    }
}

#[tokio::test]
async fn charges_are_listed_too_all_or_those_of_one_payment_intent() {
    let sandbox = TestSandbox::new().await;
    let paid = sandbox.stripe_pay("pm_card_visa", 500, "").await;
    let declined = sandbox.stripe_pay("pm_card_visa_chargeDeclined", 600, "").await;
    let intent = declined.body["error"]["payment_intent"]["id"].as_str().unwrap();
    sandbox.stripe_post(&format!("payment_intents/{intent}/confirm"), "payment_method=pm_card_visa").await;
    let all = sandbox.stripe_get("charges?limit=2").await;
    let amounts: Vec<_> =
        all.body["data"].as_array().unwrap().iter().map(|charge| charge["amount"].clone()).collect();
    assert_eq!((amounts, &all.body["has_more"]), (vec![json!(600), json!(600)], &json!(true)));
    let of_intent = sandbox.stripe_get(&format!("charges?payment_intent={intent}")).await;
    let statuses: Vec<_> =
        of_intent.body["data"].as_array().unwrap().iter().map(|charge| charge["status"].clone()).collect();
    assert_eq!(statuses, ["succeeded", "failed"]);
    let rest = sandbox.stripe_get(&format!("charges?starting_after={}", ids(&all)[1])).await;
    assert_eq!(ids(&rest), [paid.body["latest_charge"].as_str().unwrap()]);
    assert_eq!(sandbox.stripe_get("charges?payment_intent=pi_none").await.body["data"], json!([]));
}
