//! Payers who act outside of the gateway, on a provider's page or with a wallet, and clients that bring their orders
//! back afterwards: in time, too early, twice, again, late, after their own cancellation, or never.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;

use super::Client;
use crate::model::{Charge, Intent, Method, Response};

const WALLETS: [&str; 2] = ["apple_pay", "google_pay"];
/// The payer's name decides what PayPal makes of the wallet's card.
const PAYERS: [(&str, Method); 5] = [
    ("Sandbox Payer", Method::Good),
    ("Sandbox Payer", Method::Good),
    ("Sandbox Payer", Method::Good),
    ("CCREJECT-REFUSED", Method::Declined),
    ("SCA-REJECTED", Method::Declined),
];
const WALLET_CARDS: [(&str, Method); 4] = [
    ("pm_card_sandbox_applePay", Method::Good),
    ("pm_card_sandbox_googlePay", Method::Good),
    ("pm_card_sandbox_applePay_declined", Method::Declined),
    ("pm_card_sandbox_googlePay_declined", Method::Declined),
];
/// How often a payer presses the wallet's button while the provider is broken.
const CONFIRMATIONS_MAX: usize = 10;

impl Client {
    /// The payer acts on the provider's page, the client cancels, or nothing happens.
    pub(super) async fn payer(&mut self, transaction: &str, page: &str, charge: Charge) -> Option<()> {
        match self.rng.random_range(0..10) {
            0..=6 => {
                let is_paypal = charge.provider == "paypal";
                let outcome = if is_paypal { "approve" } else { "succeed" };
                self.clients.sandbox.decide(page, outcome).await;
                self.clients.history.entries().acted.push(transaction.to_owned());
                if is_paypal && self.rng.random_bool(0.6) {
                    let order = page.split_once("token=").map(|(_, order)| order.to_owned());
                    let back = Charge { method_id: order, resumes: Some(transaction.to_owned()), ..charge };
                    if self.rng.random_bool(0.3) {
                        self.resubmit_late(back).await?;
                    } else {
                        self.resubmit(back).await?;
                    }
                }
            }
            7..=8 => {
                let number = self.open(Intent::Cancel { transaction: transaction.to_owned() }, false);
                self.send_until_final(number).await?;
            }
            _ => {}
        }
        Some(())
    }

    pub(super) async fn a_wallet(&mut self) -> Option<()> {
        if self.rng.random_bool(0.3) {
            self.a_confirmation_token().await
        } else {
            self.a_wallets_order().await
        }
    }

    /// Stripe's script makes a token of the wallet's card on the client's page.
    async fn a_confirmation_token(&mut self) -> Option<()> {
        let &(card, method) = WALLET_CARDS.choose(&mut self.rng).unwrap();
        let token = self.clients.sandbox.try_confirmation_token(card).await?;
        let charge = Charge { provider: "stripe", method, method_id: Some(token), ..self.draw_charge() };
        self.pay(charge).await
    }

    /// PayPal's order, which the payer's browser confirms with the wallet.
    async fn a_wallets_order(&mut self) -> Option<()> {
        let wallet = *WALLETS.choose(&mut self.rng).unwrap();
        let &(payer, method) = PAYERS.choose(&mut self.rng).unwrap();
        let charge = Charge {
            provider: "paypal",
            method: Method::Waits,
            method_id: None,
            wallet: Some(wallet),
            ..self.draw_charge()
        };
        let number = self.open(Intent::Charge(charge.clone()), false);
        let made = self.send_until_final(number).await?;
        self.repeat(number).await;
        let transaction = made.json()["transactionId"].as_str()?.to_owned();
        let order = made.json()["nextAction"]["orderId"].as_str()?.to_owned();
        let resumes = Some(transaction.clone());
        let back = Charge { method, method_id: Some(order.clone()), resumes, ..charge };
        match self.rng.random_range(0..10) {
            0 => {
                let number = self.open(Intent::Cancel { transaction: transaction.clone() }, false);
                if self.send_until_final(number).await?.status == 200 {
                    self.resubmit_canceled(back).await?;
                }
            }
            1 => {}
            2..=3 => self.confirm(&order, wallet, payer).await?,
            4..=6 => {
                self.confirm(&order, wallet, payer).await?;
                let answer = self.resubmit(back.clone()).await?;
                if answer.json()["status"] == "completed" {
                    self.refunds(&transaction, back.amount).await?;
                }
            }
            7 => {
                self.confirm(&order, wallet, payer).await?;
                self.resubmit_twice(back).await?;
            }
            8 => {
                self.resubmit(Charge { is_early: true, ..back.clone() }).await?;
                self.confirm(&order, wallet, payer).await?;
                self.resubmit(back).await?;
            }
            _ => {
                self.confirm(&order, wallet, payer).await?;
                self.resubmit_late(back).await?;
            }
        }
        self.read_payment(&transaction).await;
        Some(())
    }

    /// The payer's browser confirms the order. `None`: it did not learn that the order is confirmed. An order that
    /// nobody resubmits need not be taken by the end of a run: if the gateway's look at it fails, the next one may be
    /// minutes later.
    async fn confirm(&mut self, order: &str, wallet: &str, payer: &str) -> Option<()> {
        for _ in 0..CONFIRMATIONS_MAX {
            if self.clients.confirm_order(order, wallet, payer).await.is_some() {
                return Some(());
            }
            self.pause(100..=500).await;
        }
        None
    }

    /// Sometimes once more under another key, as a page does that is loaded again.
    async fn resubmit(&mut self, back: Charge) -> Option<Response> {
        let answer = self.resubmit_under_one_key(back.clone(), false).await?;
        if self.rng.random_bool(0.3) {
            self.resubmit_under_one_key(back, false).await?;
        }
        Some(answer)
    }

    /// `is_canceled`: the payment was canceled before, which forbids it.
    async fn resubmit_under_one_key(&mut self, back: Charge, is_canceled: bool) -> Option<Response> {
        let number = self.open(Intent::Charge(back), is_canceled);
        let answer = self.send_until_final(number).await?;
        self.repeat(number).await;
        Some(answer)
    }

    /// Under two keys at the same time, and then under a third one.
    async fn resubmit_twice(&mut self, back: Charge) -> Option<()> {
        let (mut one, mut other) = (self.fork(), self.fork());
        tokio::join!(
            one.resubmit_under_one_key(back.clone(), false),
            other.resubmit_under_one_key(back.clone(), false)
        );
        self.resubmit_under_one_key(back, false).await.map(|_| ())
    }

    /// The client's server has canceled the payment, and its page does not know.
    async fn resubmit_canceled(&mut self, back: Charge) -> Option<()> {
        self.resubmit_under_one_key(back, true).await.map(|_| ())
    }

    /// After the gateway has taken the order, or after the run.
    async fn resubmit_late(&mut self, back: Charge) -> Option<()> {
        let transaction = back.resumes.clone()?;
        let number = self.open(Intent::Charge(back), false);
        while self.clients.is_running() {
            let (clients, gateway) = self.random_gateway();
            let answer = clients.get(gateway, self.client, &format!("/payments/{transaction}")).await;
            let read = clients.history.record_read(self.client, &transaction, answer.as_ref());
            let is_open = |status: &str| matches!(status, "requires_action" | "pending");
            if read.is_some_and(|payment| !payment["status"].as_str().is_none_or(is_open)) {
                break;
            }
            self.pause(500..=1_500).await;
        }
        self.send_until_final(number).await?;
        self.repeat(number).await;
        Some(())
    }
}
