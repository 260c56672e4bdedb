//! Checks the promises against what happened. The providers' ledger outranks the gateway's own records.

mod returns;

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::model::{Broken, Intent, Method, Request};
use crate::records::{Effect, Event, Payment, Records, Refund};

/// The payments and refunds that are still undecided. All must be decided once everything works again (P10).
pub(crate) fn undecided(records: &Records) -> Vec<String> {
    let payments = records.payments.iter().filter(|payment| match payment.state.as_str() {
        "created" | "processing" | "queued" | "unknown" => true,
        "requires_action" => records.acted.contains(&payment.id),
        _ => false,
    });
    let refunds =
        records.refunds.iter().filter(|refund| !matches!(refund.state.as_str(), "processed" | "failed"));
    let payments =
        payments.map(|payment| format!("{} of {} is {}", payment.id, payment.client, payment.state));
    let refunds = refunds.map(|refund| format!("{} of {} is {}", refund.id, refund.payment, refund.state));
    payments.chain(refunds).collect()
}

/// Returns every broken promise.
pub(crate) fn judge(records: &Records) -> Vec<Broken> {
    let judge = Judge::new(records);
    let mut broken = Vec::new();
    broken.extend(undecided(records).into_iter().map(|what| Broken::new("P10", what)));
    for payment in &records.payments {
        judge.payment(payment, &mut broken);
    }
    for refund in &records.refunds {
        judge.trail(&refund.id, &refund.state, refund.version, 1, REFUND_TRANSITIONS, &mut broken);
    }
    for request in &records.requests {
        judge.request(request, &mut broken);
    }
    judge.outcomes_of_returns(&mut broken);
    judge.unexpected_effects(&mut broken);
    judge.subjects(&mut broken);
    judge.sums(&mut broken);
    broken
}

struct Judge<'r> {
    records: &'r Records,
    /// By payment.
    effects: HashMap<&'r str, Vec<&'r Effect>>,
    refunds: HashMap<&'r str, Vec<&'r Refund>>,
    /// By payment, and by refund.
    events: HashMap<&'r str, Vec<&'r Event>>,
    /// By client and key.
    payments: HashMap<(&'r str, String), Vec<&'r Payment>>,
}

impl<'r> Judge<'r> {
    fn new(records: &'r Records) -> Self {
        let mut judge = Self {
            records,
            effects: HashMap::new(),
            refunds: HashMap::new(),
            events: HashMap::new(),
            payments: HashMap::new(),
        };
        for effect in &records.effects {
            if let Some(transaction) = &effect.transaction {
                judge.effects.entry(transaction).or_default().push(effect);
            }
        }
        for refund in &records.refunds {
            judge.refunds.entry(&refund.payment).or_default().push(refund);
        }
        for event in &records.events {
            judge.events.entry(event.refund.as_ref().unwrap_or(&event.payment)).or_default().push(event);
        }
        for payment in &records.payments {
            let key = payment.key().unwrap_or_default();
            judge.payments.entry((&payment.client, key)).or_default().push(payment);
        }
        judge
    }

    /// Amounts of one kind of effect on a payment.
    fn amounts(&self, payment: &str, kind: &str) -> Vec<i64> {
        let effects = self.effects.get(payment).into_iter().flatten();
        effects.filter(|effect| effect.kind == kind).map(|effect| effect.amount).collect()
    }

    fn payment(&self, payment: &Payment, broken: &mut Vec<Broken>) {
        let id = &payment.id;
        let mut note = |promise, what: String| broken.push(Broken::new(promise, format!("{id}: {what}")));
        let [charged, authorized, captured, refunds, returned] =
            ["charge", "authorize", "capture", "refund", "refund_failed"].map(|kind| self.amounts(id, kind));
        if charged.len() + authorized.len() > 1 || captured.len() > 1 {
            note("P1", format!("charged {charged:?}, authorized {authorized:?}, captured {captured:?}"));
        }
        let moved = !(charged.is_empty() && authorized.is_empty() && captured.is_empty());
        let agrees = match payment.state.as_str() {
            "completed" => charged == [payment.amount] && captured.is_empty(),
            "authorized" => authorized == [payment.amount] && captured.is_empty(),
            "captured" => authorized == [payment.amount] && captured == [payment.captured],
            "canceled" => charged.is_empty() && captured.is_empty(),
            "failed" | "requires_action" => !moved,
            // Undecided: P10 reports it.
            _ => true,
        };
        if !agrees {
            let promise = match payment.state.as_str() {
                "failed" => "P3",
                "requires_action" | "authorized" => "P2",
                _ => "P6",
            };
            let is = format!("it is {} of {} captured {}", payment.state, payment.amount, payment.captured);
            note(
                promise,
                format!(
                    "{is}, and was charged {charged:?}, authorized {authorized:?}, captured {captured:?}"
                ),
            );
        }
        let recorded: Vec<_> = self.refunds.get(id.as_str()).into_iter().flatten().collect();
        let processed: Vec<_> = recorded.iter().filter(|refund| refund.state == "processed").collect();
        let ours: i64 = processed.iter().map(|refund| refund.amount).sum();
        let theirs = refunds.iter().sum::<i64>() - returned.iter().sum::<i64>();
        if ours != theirs {
            note("P6", format!("we refunded {ours} of it, the provider {theirs} ({refunds:?})"));
        }
        if refunds.len() > recorded.len() {
            note("P1", format!("{} refunds were asked for, and {refunds:?} made", recorded.len()));
        }
        let reserved: i64 = recorded.iter().filter(|refund| refund.state != "failed").map(|r| r.amount).sum();
        if payment.refunded != reserved || theirs > payment.captured {
            note(
                "P6",
                format!(
                    "captured {}, refunded {}, in refunds {reserved}",
                    payment.captured, payment.refunded
                ),
            );
        }
        self.trail(id, &payment.state, payment.version, 0, PAYMENT_TRANSITIONS, broken);
    }

    /// Checks that there is one record per version, each starting from the state of the one before, by allowed
    /// transitions.
    fn trail(
        &self,
        id: &str,
        state: &str,
        version: i64,
        first: i64,
        transitions: &[(&str, &str)],
        broken: &mut Vec<Broken>,
    ) {
        let events: Vec<_> = self.events.get(id).into_iter().flatten().collect();
        let versions: Vec<_> = events.iter().map(|event| event.version).collect();
        if versions != (first..=version).collect::<Vec<_>>() {
            broken.push(Broken::new("P8", format!("{id} has version {version} and records of {versions:?}")));
        }
        let mut before: Option<&str> = None;
        for event in events {
            let from = event.from_state.as_deref();
            if from != before {
                broken
                    .push(Broken::new("P8", format!("{id} was {before:?}, and a record says from {from:?}")));
            }
            if let Some(from) = from.filter(|from| !transitions.contains(&(*from, event.to_state.as_str()))) {
                let what = format!("{id} went from {from} to {}: {}", event.to_state, event.detail);
                broken.push(Broken::new("P7", what));
            }
            before = Some(&event.to_state);
        }
        if before != Some(state) {
            broken.push(Broken::new("P8", format!("{id} is {state}, and its last record says {before:?}")));
        }
    }

    fn request(&self, request: &Request, broken: &mut Vec<Broken>) {
        let mut note =
            |promise, what: String| broken.push(Broken::new(promise, format!("{}: {what}", request.name())));
        let answers: HashSet<_> =
            request.responses.iter().filter(|response| request.is_kept(response)).collect();
        if answers.len() > 1 {
            note("P4", format!("{answers:?}"));
        }
        // Only a request that was certainly not executed releases its key.
        for earlier in request.earlier_subjects().iter().filter(|id| !self.has_failed(id)) {
            note("P1", format!("it names {earlier} and {}", request.subject().unwrap_or_default()));
        }
        if let Intent::Cancel { transaction } = &request.intent
            && request.is_given_back()
            && self.keeps(transaction) != 0
        {
            note("P6", format!("it says that the money goes back, and {} is kept", self.keeps(transaction)));
        }
        if let Intent::Refund { transaction, amount } = &request.intent
            && request.final_answer().is_some_and(|response| response.status == 422)
            && self.amounts(transaction, "refund_failed").is_empty()
            && self.keeps(transaction) >= amount.map_or(1, u64::cast_signed)
        {
            note("P4", format!("it was refused for good, and {} is kept", self.keeps(transaction)));
        }
        if let Intent::Capture { transaction, .. } = &request.intent
            && request.is_given_up()
            && self.captured_by(transaction).all(|other| other.key == request.key)
            && !self.amounts(transaction, "capture").is_empty()
        {
            note("P4", format!("it was given up for good, and {transaction} is captured"));
        }
        let Intent::Charge(charge) = &request.intent else { return };
        if let Some(payment) = request.resumes() {
            self.resubmitted(request, payment, broken);
            return;
        }
        let none = Vec::new();
        let made = self.payments.get(&(request.client, request.key.clone())).unwrap_or(&none);
        // A payment that was certainly not sent is failed, and another may replace it.
        let alive: Vec<_> = made.iter().filter(|payment| payment.state != "failed").map(|p| &p.id).collect();
        if alive.len() > 1 {
            note("P1", format!("it made {alive:?}"));
        }
        let moved: Vec<_> =
            made.iter().filter(|payment| self.has_money_moved(&payment.id)).map(|p| &p.id).collect();
        if moved.len() > 1 {
            note("P1", format!("money moved for {moved:?}"));
        }
        if let Some(subject) = request.subject().filter(|id| !made.iter().any(|payment| payment.id == *id)) {
            note("P2", format!("its response names {subject}, which is not recorded for its client and key"));
        }
        if charge.method == Method::Declined && !moved.is_empty() {
            note("P6", format!("its method declines, and money moved for {moved:?}"));
        }
        if !request.is_in_doubt && !moved.is_empty() {
            note(
                "answers",
                format!("every answer said that nothing was executed, and money moved for {moved:?}"),
            );
        }
    }

    /// The requests to capture a payment.
    fn captured_by(&self, payment: &str) -> impl Iterator<Item = &Request> {
        let requests = self.records.requests.iter();
        requests.filter(move |request| matches!(&request.intent, Intent::Capture { transaction, .. } if transaction == payment))
    }

    /// How much of a payment was not returned to the payer, by the provider's ledger.
    fn keeps(&self, payment: &str) -> i64 {
        let sum = |kind| self.amounts(payment, kind).iter().sum::<i64>();
        sum("charge") + sum("capture") + sum("refund_failed") - sum("refund")
    }

    fn has_failed(&self, id: &str) -> bool {
        let payment = self.records.payments.iter().find(|payment| payment.id == id).map(|one| &one.state);
        let refund = self.records.refunds.iter().find(|refund| refund.id == id).map(|one| &one.state);
        payment.or(refund).is_some_and(|state| state == "failed")
    }

    fn has_money_moved(&self, payment: &str) -> bool {
        ["charge", "authorize", "capture"].iter().any(|kind| !self.amounts(payment, kind).is_empty())
    }

    /// Finds effects that were not recorded or not requested.
    fn unexpected_effects(&self, broken: &mut Vec<Broken>) {
        let known: HashSet<_> = self.records.payments.iter().map(|payment| payment.id.as_str()).collect();
        for effect in &self.records.effects {
            if !effect.transaction.as_deref().is_some_and(|id| known.contains(id)) {
                broken.push(Broken::new("P2", format!("{} {effect:?} belongs to no payment", effect.id)));
            }
        }
        for payment in &self.records.payments {
            let amount = u64::try_from(payment.amount).unwrap_or_default();
            if self.records.mismatched.contains(&amount) {
                let what =
                    format!("{} has the amount {amount} of a body that came under another's key", payment.id);
                broken.push(Broken::new("P5", what));
            }
        }
    }

    /// Checks that different keys name different payments and refunds, and that each belongs to its client.
    fn subjects(&self, broken: &mut Vec<Broken>) {
        let mut named: HashMap<String, &Request> = HashMap::new();
        let owners: HashMap<&str, &str> =
            (self.records.payments.iter().map(|p| (p.id.as_str(), p.client.as_str())))
                .chain(self.records.refunds.iter().map(|refund| (refund.id.as_str(), refund.client.as_str())))
                .collect();
        for request in &self.records.requests {
            let Some(subject) = request.subject() else { continue };
            if owners.get(subject.as_str()).is_some_and(|owner| *owner != request.client) {
                broken.push(Broken::new("P9", format!("a response to {} names {subject}", request.name())));
            }
            let is_new = match &request.intent {
                Intent::Charge(charge) => charge.resumes.is_none(),
                Intent::Refund { .. } => true,
                Intent::Capture { .. } | Intent::Cancel { .. } => false,
            };
            if is_new && let Some(other) = named.insert(subject.clone(), request) {
                let promise = if other.client == request.client { "P1" } else { "P9" };
                broken.push(Broken::new(
                    promise,
                    format!("{} and {} both name {subject}", other.name(), request.name()),
                ));
            }
        }
    }

    /// Compares the net sums by provider and currency.
    fn sums(&self, broken: &mut Vec<Broken>) {
        let mut ours: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        let mut theirs: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        let mut refunds: HashMap<&str, i64> = HashMap::new();
        for refund in self.records.refunds.iter().filter(|refund| refund.state == "processed") {
            *refunds.entry(&refund.payment).or_default() += refund.amount;
        }
        for payment in &self.records.payments {
            let kept = payment.captured - refunds.get(payment.id.as_str()).copied().unwrap_or_default();
            *ours.entry((&payment.provider, &payment.currency)).or_default() += kept;
        }
        for effect in &self.records.effects {
            let sign = match effect.kind.as_str() {
                "charge" | "capture" | "refund_failed" => 1,
                "refund" => -1,
                _ => 0,
            };
            *theirs.entry((&effect.provider, &effect.currency)).or_default() += sign * effect.amount;
        }
        ours.retain(|_, sum| *sum != 0);
        theirs.retain(|_, sum| *sum != 0);
        if ours != theirs {
            broken.push(Broken::new("P6", format!("our sums {ours:?}, the providers' {theirs:?}")));
        }
    }
}

/// The allowed transitions of a payment; `unknown` and `processing` may also be recorded again with new information.
const PAYMENT_TRANSITIONS: &[(&str, &str)] = &[
    ("created", "processing"),
    ("processing", "processing"),
    ("processing", "queued"),
    ("processing", "unknown"),
    ("processing", "completed"),
    ("processing", "authorized"),
    ("processing", "requires_action"),
    ("processing", "captured"),
    ("processing", "canceled"),
    ("processing", "failed"),
    ("queued", "processing"),
    // Given up after expiry.
    ("queued", "failed"),
    ("queued", "requires_action"),
    ("queued", "authorized"),
    ("unknown", "unknown"),
    ("unknown", "processing"),
    ("unknown", "completed"),
    ("unknown", "authorized"),
    ("unknown", "requires_action"),
    ("unknown", "captured"),
    ("unknown", "canceled"),
    ("unknown", "failed"),
    ("requires_action", "processing"),
    // Seen at the provider: the payer acted, and the provider proceeded by itself.
    ("requires_action", "completed"),
    ("requires_action", "authorized"),
    ("requires_action", "canceled"),
    ("requires_action", "failed"),
    ("authorized", "processing"),
    // Seen at the provider.
    ("authorized", "captured"),
    ("authorized", "canceled"),
];

const REFUND_TRANSITIONS: &[(&str, &str)] = &[
    ("processing", "processing"),
    ("processing", "queued"),
    ("queued", "processing"),
    ("queued", "failed"),
    ("processing", "unknown"),
    ("processing", "pending"),
    ("processing", "processed"),
    ("processing", "failed"),
    ("unknown", "unknown"),
    ("unknown", "processing"),
    ("unknown", "pending"),
    ("unknown", "processed"),
    ("unknown", "failed"),
    ("pending", "processed"),
    ("pending", "failed"),
];
