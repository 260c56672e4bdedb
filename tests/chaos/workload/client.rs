//! A client that draws its operations at random.

mod payers;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::{Instant, sleep};

use super::{CARD_NUMBER, CLIENT_IDS, Clients};
use crate::model::{Api, Charge, Intent, Method, Request, Response};

/// Every charge has a unique amount, so that it can be identified in the ledger. Mismatched bodies use a distant range.
const FIRST_AMOUNT: u64 = 1_000;
const FIRST_MISMATCH: u64 = 5_000_000;

/// One of several concurrent workers with the same client key.
pub(crate) struct Client {
    clients: Arc<Clients>,
    client: &'static str,
    rng: StdRng,
}

/// A charge that completes at once, with a unique amount.
pub(super) fn plain_charge(number: u64) -> Request {
    let charge = Charge {
        provider: "stripe",
        method: Method::Good,
        method_id: Some("pm_card_visa".to_owned()),
        amount: FIRST_AMOUNT + number,
        currency: "USD",
        manual: false,
        wallet: None,
        resumes: None,
        is_early: false,
    };
    Client::request(CLIENT_IDS[0], format!("chaos-{number}"), Intent::Charge(charge), false)
}

impl Client {
    pub(super) fn new(clients: Arc<Clients>, client: &'static str, seed: u64) -> Self {
        Self { clients, client, rng: StdRng::seed_from_u64(seed) }
    }

    pub(crate) async fn work(mut self) {
        while self.clients.is_running() {
            match self.rng.random_range(0..20) {
                0 => self.two_clients_with_one_key().await,
                1 => self.a_card_number().await,
                2..=3 => self.a_wallet().await,
                _ => self.a_payment().await,
            };
            self.pause(20..=200).await;
        }
    }

    async fn a_payment(&mut self) -> Option<()> {
        let charge = self.draw_charge();
        self.pay(charge).await
    }

    /// The life cycle of a payment. `None`: the run ended before a final answer.
    async fn pay(&mut self, charge: Charge) -> Option<()> {
        let amount = charge.amount;
        let api = self.draw_api(&charge);
        let number = self.open_over(api, Intent::Charge(charge.clone()), false);
        let response = self.send_until_final(number).await?;
        self.repeat(number).await;
        let transaction = response.json()["transactionId"].as_str()?.to_owned();
        self.read_payment(&transaction).await;
        match response.json()["status"].as_str()? {
            "completed" => self.refunds(&transaction, amount).await?,
            "authorized" => self.authorized(&transaction, amount).await?,
            "requires_action" => {
                let page = response.json()["nextAction"]["url"].as_str()?.to_owned();
                self.payer(&transaction, &page, charge).await?;
            }
            _ => {}
        }
        self.read_payment(&transaction).await;
        Some(())
    }

    fn draw_charge(&mut self) -> Charge {
        const STRIPE: [(&str, Method); 6] = [
            ("pm_card_visa", Method::Good),
            ("pm_card_visa", Method::Good),
            ("pm_card_mastercard", Method::Good),
            ("pm_card_visa_chargeDeclined", Method::Declined),
            ("pm_card_visa_chargeDeclinedInsufficientFunds", Method::Declined),
            ("pm_card_threeDSecure2Required", Method::Waits),
        ];
        const PAYPAL: [(&str, Method); 8] = [
            ("vault-ok", Method::Good),
            ("card:vault-ok", Method::Good),
            ("B-1", Method::Good),
            ("vault-declined", Method::Declined),
            ("card:vault-declined", Method::Declined),
            ("vault-action", Method::Waits),
            ("", Method::Waits),
            ("vault-pending", Method::Reviewed),
        ];
        let paypal = self.rng.random_bool(0.5);
        let methods = if paypal { PAYPAL.as_slice() } else { STRIPE.as_slice() };
        let &(id, method) = methods.choose(&mut self.rng).unwrap();
        Charge {
            provider: if paypal { "paypal" } else { "stripe" },
            method,
            method_id: Some(id.to_owned()).filter(|id| !id.is_empty()),
            amount: FIRST_AMOUNT + self.clients.next.fetch_add(1, Ordering::Relaxed),
            currency: ["USD", "EUR", "JPY"].choose(&mut self.rng).unwrap(),
            // Reviewed charges are captured automatically.
            manual: method != Method::Reviewed && self.rng.random_bool(0.35),
            wallet: None,
            resumes: None,
            is_early: false,
        }
    }

    /// A mutation's answer shows the payment as it is now, so only a charge that ends in one way is compared.
    fn draw_api(&mut self, charge: &Charge) -> Api {
        let ends_at_once = !charge.manual && charge.method != Method::Waits;
        if ends_at_once && self.rng.random_bool(0.2) { Api::Graphql } else { Api::Rest }
    }

    async fn authorized(&mut self, transaction: &str, amount: u64) -> Option<()> {
        let transaction_owned = transaction.to_owned();
        let part = if self.rng.random_bool(0.5) { amount } else { self.rng.random_range(1..=amount) };
        let is_all = part == amount && self.rng.random_bool(0.5);
        let capture = Intent::Capture { transaction: transaction_owned.clone(), amount: part, is_all };
        let cancel = Intent::Cancel { transaction: transaction_owned };
        match self.rng.random_range(0..10) {
            0..=5 => {
                let number = self.open(capture, false);
                let response = self.send_until_final(number).await?;
                self.repeat(number).await;
                // A capture that was given up leaves nothing to refund.
                if response.status == 200 { self.refunds(transaction, part).await } else { Some(()) }
            }
            6..=7 => {
                let number = self.open(cancel, false);
                self.send_until_final(number).await.map(|_| ())
            }
            8 => {
                let (capture, cancel) = (self.open(capture, true), self.open(cancel, true));
                let (mut one, mut other) = (self.fork(), self.fork());
                tokio::join!(one.send_until_final(capture), other.send_until_final(cancel));
                Some(())
            }
            _ => Some(()),
        }
    }

    async fn refunds(&mut self, transaction: &str, captured: u64) -> Option<()> {
        let of = |amount| Intent::Refund { transaction: transaction.to_owned(), amount };
        match self.rng.random_range(0..10) {
            0..=1 => {
                let part = self.rng.random_range(1..=captured);
                let number = self.open(of(Some(part)), false);
                self.send_until_final(number).await?;
                self.repeat(number).await;
            }
            2 => {
                let number = self.open(of(None), false);
                self.send_until_final(number).await?;
            }
            3 => {
                for amount in [Some(captured / 3 + 1), Some(captured / 3 + 1), None, Some(1)] {
                    let number = self.open(of(amount), true);
                    self.send_until_final(number).await?;
                }
            }
            4..=5 => {
                let amounts = [Some(captured / 2 + 1), Some(captured / 2), Some(captured / 3 + 1), None];
                let numbers = amounts.map(|amount| self.open(of(amount), true));
                let clients = numbers.map(|number| (self.fork(), number));
                join_all(clients.map(async |(mut client, number)| client.send_until_final(number).await))
                    .await;
            }
            _ => {}
        }
        Some(())
    }

    /// The same key and body from both clients are two charges.
    async fn two_clients_with_one_key(&mut self) -> Option<()> {
        let charge = Charge { method: Method::Good, ..self.draw_charge() };
        let method = if charge.provider == "paypal" { "vault-ok" } else { "pm_card_visa" };
        let charge = Charge { method_id: Some(method.to_owned()), ..charge };
        let key = format!("chaos-twin-{}", charge.amount);
        let requests =
            CLIENT_IDS.map(|client| self.open_as(client, key.clone(), Intent::Charge(charge.clone()), false));
        let clients = requests.map(|number| (self.fork(), number));
        join_all(clients.map(async |(mut client, number)| client.send_until_final(number).await)).await;
        // Neither client may read the other's payment.
        for (number, stranger) in requests.into_iter().zip([CLIENT_IDS[1], CLIENT_IDS[0]]) {
            let subject = self.clients.history.request(number).subject()?;
            let (clients, gateway) = self.random_gateway();
            let answer = clients.get(gateway, stranger, &format!("/payments/{subject}")).await;
            if let Some(answer) = answer.filter(|answer| !matches!(answer.status, 404 | 429 | 503 | 504)) {
                self.clients.history.broke("P9", format!("{stranger} reads {subject}: {}", answer.text()));
            }
        }
        Some(())
    }

    async fn a_card_number(&mut self) -> Option<()> {
        let charge = Charge { method_id: Some(CARD_NUMBER.to_owned()), ..self.draw_charge() };
        let request = Self::request(
            self.client,
            format!("chaos-card-{}", charge.amount),
            Intent::Charge(charge),
            false,
        );
        let (clients, gateway) = self.random_gateway();
        let answer = clients.post(gateway, &request, request.body()).await?;
        let code = answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
        if !matches!((answer.status, code.as_str()), (400, "CARD_DATA_NOT_ACCEPTED") | (429 | 503 | 504, _)) {
            self.clients.history.broke("P11", format!("a card number is answered {} {code}", answer.status));
        }
        Some(())
    }

    fn open(&mut self, intent: Intent, is_contested: bool) -> usize {
        self.open_over(Api::Rest, intent, is_contested)
    }

    fn open_over(&mut self, api: Api, intent: Intent, is_contested: bool) -> usize {
        let key = format!("chaos-{}", self.clients.next.fetch_add(1, Ordering::Relaxed));
        let is_left = self.rng.random_bool(0.15);
        let request = Self::request(self.client, key, intent, is_contested);
        self.clients.history.open(Request { api, is_left, ..request })
    }

    fn open_as(&mut self, client: &'static str, key: String, intent: Intent, is_contested: bool) -> usize {
        let request = Self::request(client, key, intent, is_contested);
        self.clients.history.open(request)
    }

    fn request(client: &'static str, key: String, intent: Intent, is_contested: bool) -> Request {
        Request {
            client,
            key,
            api: Api::Rest,
            intent,
            is_contested,
            is_left: false,
            is_in_doubt: false,
            is_mismatched: false,
            responses: Vec::new(),
            sendings: Vec::new(),
            began: Instant::now(),
        }
    }

    /// Sends, sometimes twice at once, until there is a final answer. `None`: the client gave up or the run ended.
    async fn send_until_final(&mut self, number: usize) -> Option<Response> {
        if self.rng.random_bool(0.1) {
            self.leave_between_click_and_answer(number).await;
        }
        while self.clients.is_running() {
            let at_once = if self.rng.random_bool(0.2) { 2 } else { 1 };
            let (clients, first) = self.random_gateway();
            let sends = (0..at_once).map(|n| clients.send(number, first + n));
            join_all(sends).await;
            if let Some(response) = self.clients.history.request(number).final_answer() {
                return Some(response.clone());
            }
            if self.clients.history.request(number).is_left {
                return None;
            }
            self.mismatch(number).await;
            self.pause(50..=500).await;
        }
        None
    }

    /// Acts like a page that is closed after the click and comes back later under the same key: while the request is in
    /// flight, or when it has ended.
    async fn leave_between_click_and_answer(&mut self, number: usize) {
        let (clients, gateway) = self.random_gateway();
        let stays = Duration::from_millis(self.rng.random_range(1..=40));
        clients.send_and_leave(number, gateway, stays).await;
        self.pause(0..=1_500).await;
    }

    /// Sometimes repeats an answered request.
    async fn repeat(&mut self, number: usize) {
        if self.rng.random_bool(0.3) {
            let (clients, gateway) = self.random_gateway();
            clients.send(number, gateway).await;
        }
        self.mismatch(number).await;
    }

    /// Sometimes sends another body under the key of an accepted charge.
    async fn mismatch(&mut self, number: usize) {
        let request = self.clients.history.request(number);
        let Intent::Charge(charge) = &request.intent else { return };
        if !request.is_certainly_held() || !self.rng.random_bool(0.1) {
            return;
        }
        let amount = FIRST_MISMATCH + self.clients.next.fetch_add(1, Ordering::Relaxed);
        {
            let mut entries = self.clients.history.entries();
            entries.mismatched.push(amount);
            entries.requests[number].is_mismatched = true;
        }
        let (clients, gateway) = self.random_gateway();
        let answer = clients.post(gateway, &request, request.charge_body(charge, amount)).await;
        self.clients.history.record_mismatch(number, answer.as_ref());
    }

    async fn read_payment(&mut self, transaction: &str) {
        if self.rng.random_bool(0.5) {
            let (clients, gateway) = self.random_gateway();
            let answer = clients.get(gateway, self.client, &format!("/payments/{transaction}")).await;
            self.clients.history.record_read(self.client, transaction, answer.as_ref());
        }
    }

    /// The shared state, and a random gateway.
    fn random_gateway(&mut self) -> (Arc<Clients>, usize) {
        (self.clients.clone(), self.rng.random_range(0..8))
    }

    /// Another worker of the same client, for concurrent operations.
    fn fork(&mut self) -> Self {
        Self::new(self.clients.clone(), self.client, self.rng.random())
    }

    async fn pause(&mut self, millis: std::ops::RangeInclusive<u64>) {
        sleep(Duration::from_millis(self.rng.random_range(millis))).await;
    }
}
