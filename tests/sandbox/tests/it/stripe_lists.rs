//! Stripe's lists, which reconciliation walks.

use crate::support::{Reply, World};

fn ids(list: &Reply) -> Vec<String> {
    let data = list.body["data"].as_array().unwrap();
    data.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn payment_intents_are_listed_newest_first_page_by_page() {
    let world = World::new().await;
    let mut created = Vec::new();
    for _ in 0..5 {
        created.insert(0, world.stripe_pay("pm_card_visa", 500, "").await.id().to_owned());
        world.hours_pass(1);
    }
    let first = world.stripe_get("payment_intents?limit=2").await;
    assert_eq!(ids(&first), created[..2]);
    assert_eq!(first.body["has_more"], true);
    let last = world.stripe_get(&format!("payment_intents?limit=3&starting_after={}", created[1])).await;
    assert_eq!(ids(&last), created[2..]);
    assert_eq!(last.body["has_more"], false);
}

#[tokio::test]
async fn a_time_window_selects() {
    let world = World::new().await;
    let start = 1_767_225_600; // 2026-01-01T00:00:00Z
    let mut created = Vec::new();
    for _ in 0..3 {
        created.push(world.stripe_pay("pm_card_visa", 500, "").await.id().to_owned());
        world.hours_pass(1);
    }
    let since = world.stripe_get(&format!("payment_intents?created[gte]={}", start + 3600)).await;
    assert_eq!(ids(&since), [created[2].clone(), created[1].clone()]);
    let before = world.stripe_get(&format!("payment_intents?created[lt]={}", start + 3600)).await;
    assert_eq!(ids(&before), [created[0].clone()]);
    let none = world.stripe_get(&format!("payment_intents?created[gt]={}", start + 7200)).await;
    assert!(ids(&none).is_empty());
}

#[tokio::test]
async fn refunds_are_listed_by_payment_intent() {
    let world = World::new().await;
    let (one, two) =
        (world.stripe_pay("pm_card_visa", 500, "").await, world.stripe_pay("pm_card_visa", 500, "").await);
    let mut of_one = Vec::new();
    for paid in [&one, &two, &one] {
        let refund = world.stripe_post("refunds", &format!("payment_intent={}&amount=100", paid.id())).await;
        if paid.id() == one.id() {
            of_one.insert(0, refund.id().to_owned());
        }
    }
    let list = world.stripe_get(&format!("refunds?payment_intent={}", one.id())).await;
    assert_eq!(ids(&list), of_one);
    let rest =
        world.stripe_get(&format!("refunds?payment_intent={}&starting_after={}", one.id(), of_one[0])).await;
    assert_eq!(ids(&rest), of_one[1..]);
    assert_eq!(ids(&world.stripe_get("refunds").await).len(), 3);
}

#[tokio::test]
async fn wrong_pages_are_refused_by_name() {
    let world = World::new().await;
    for (query, code, param) in [
        ("limit=0", "parameter_invalid_integer", "limit"),
        ("limit=101", "parameter_invalid_integer", "limit"),
        ("starting_after=pi_none", "resource_missing", "starting_after"),
        ("created[since]=1", "parameter_unknown", "created[since]"),
        ("colour=red", "parameter_unknown", "colour"),
    ] {
        assert_eq!(
            world.stripe_get(&format!("payment_intents?{query}")).await.error(),
            (400, code, param),
            "{query}"
        );
    }
}
