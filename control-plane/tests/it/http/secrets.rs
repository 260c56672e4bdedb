//! Client secrets, alone or in a page's URL: they are in answers about their payment, and nowhere else.

use payments::model::payer_action::{ClientSecret, PayerAction};
use payments::model::provider::{Charged, ProviderRef};

use super::*;

const SECRET: &str = "pi_1_secret_2";

#[tokio::test]
async fn a_page_with_a_secret_is_in_answers_about_its_payment_alone() {
    let api = Api::start().await;
    let page = format!("https://hooks.stripe.com/3ds?payment_intent_client_secret={SECRET}");
    api.test.provider.charges.lock().unwrap().push(Outcome::Done(Charged::RequiresAction {
        payment: ProviderRef::new("pi_1"),
        action: PayerAction::Page(page.clone()),
        declined: false,
    }));
    let (_, charged) = api.demo("POST", "/payments/charge", CHARGE).await;
    assert_eq!(charged["nextAction"]["url"], page, "{charged}");
    let id = charged["transactionId"].as_str().unwrap();
    let (_, payment) = api.demo("GET", &format!("/payments/{id}"), "").await;
    assert_eq!(payment["nextAction"], json!({ "type": "redirect", "url": page }));
    for path in ["/payments", "/events", &format!("/payments/{id}/events")] {
        let (status, listed) = api.demo("GET", path, "").await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(
            listed.to_string().contains("requires_action") && !listed.to_string().contains(SECRET),
            "{listed}"
        );
    }
    let ask = async |query: &str| {
        let body = json!({ "query": query }).to_string();
        api.demo("POST", "/graphql", &body).await.1.to_string()
    };
    let action = "status nextAction { type url }";
    for query in [
        format!("{{ payment(id: \"{id}\") {{ {action} }} }}"),
        format!("{{ node(id: \"{id}\") {{ ... on Payment {{ {action} }} }} }}"),
    ] {
        let answer = ask(&query).await;
        assert!(answer.contains(&page), "{answer}");
    }
    for query in [
        format!("{{ payments(first: 5) {{ nodes {{ {action} }} }} }}"),
        format!("{{ events(first: 5) {{ nodes {{ payment {{ {action} }} }} }} }}"),
        format!(
            "{{ payment(id: \"{id}\") {{ events(first: 5) {{ nodes {{ payment {{ {action} }} }} }} }} }}"
        ),
    ] {
        let answer = ask(&query).await;
        assert!(answer.contains("REDIRECT") && !answer.contains(SECRET), "{answer}");
    }
}

#[tokio::test]
async fn graphql_shows_the_secret_of_a_script_where_rest_does_and_in_no_list() {
    let api = Api::start().await;
    api.test.provider.charges.lock().unwrap().push(Outcome::Done(Charged::RequiresAction {
        payment: ProviderRef::new("pi_1"),
        action: PayerAction::Script(ClientSecret::new(SECRET)),
        declined: false,
    }));
    let (_, charged) = api.demo("POST", "/payments/charge", CHARGE).await;
    assert_eq!(charged["nextAction"], json!({ "type": "stripe_sdk", "clientSecret": SECRET }), "{charged}");
    let id = charged["transactionId"].as_str().unwrap();
    let action = "nextAction { type clientSecret }";
    let shown = json!({ "type": "STRIPE_SDK", "clientSecret": SECRET });
    let query = format!(
        "{{ payment(id: \"{id}\") {{ {action} }} node(id: \"{id}\") {{ ... on Payment {{ {action} }} }}
            payments(first: 5) {{ nodes {{ {action} }} }} events(first: 5) {{ nodes {{ payment {{ {action} }} }} }} }}"
    );
    let (_, answer) = api.demo("POST", "/graphql", &json!({ "query": query }).to_string()).await;
    let data = &answer["data"];
    assert_eq!((&data["payment"]["nextAction"], &data["node"]["nextAction"]), (&shown, &shown), "{answer}");
    let hidden = json!({ "type": "STRIPE_SDK", "clientSecret": null });
    assert_eq!(data["payments"]["nodes"][0]["nextAction"], hidden);
    assert_eq!(data["events"]["nodes"][0]["payment"]["nextAction"], hidden);
}
