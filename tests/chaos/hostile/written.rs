//! How the objects of a charge by GraphQL are written: as they should be, or with a field given twice.

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::json;

/// By which the payments of these charges are found.
pub(super) const REFERENCE: &str = "twisted";

/// Names with values that are written already.
pub(super) type Fields = Vec<(String, String)>;

pub(super) fn fields<const N: usize>(all: [(&str, String); N]) -> Fields {
    all.map(|(name, value)| (name.to_owned(), value)).into()
}

/// A string, which JSON and GraphQL write alike.
pub(super) fn quoted(text: &str) -> String {
    json!(text).to_string()
}

/// One of the charge's metadata.
pub(super) fn metadata() -> Fields {
    fields([("key", quoted("order")), ("value", quoted("7"))])
}

/// The language that an object is written in.
#[derive(Clone, Copy)]
pub(super) enum Syntax {
    /// In `variables`, and the request itself.
    Json,
    /// In the document.
    Graphql,
}

impl Syntax {
    pub(super) fn object(self, fields: &[(String, String)]) -> String {
        let field = |(name, value): &(String, String)| match self {
            Self::Json => format!("\"{name}\": {value}"),
            Self::Graphql => format!("{name}: {value}"),
        };
        let fields: Vec<_> = fields.iter().map(field).collect();
        format!("{{{}}}", fields.join(", "))
    }

    /// What to charge. Declined, so that a charge that passes leaves a payment, and no effect in the ledger.
    pub(super) fn input(self, metadata: &str) -> Fields {
        let provider = match self {
            Self::Json => quoted("STRIPE"),
            Self::Graphql => "STRIPE".to_owned(),
        };
        fields([
            ("provider", provider),
            ("amount", "900".to_owned()),
            ("currency", quoted("USD")),
            ("paymentMethodId", quoted("pm_card_chargeDeclined")),
            ("customerReference", quoted(REFERENCE)),
            ("metadata", format!("[{metadata}]")),
        ])
    }
}

/// Writes objects, and gives a field of one of them twice.
pub(super) struct Twice<'r> {
    syntax: Syntax,
    rng: &'r mut StdRng,
    /// The object whose field is given twice, by its number in the order of writing.
    chosen: usize,
    written: usize,
    /// The field that was given twice.
    pub(super) name: String,
}

impl<'r> Twice<'r> {
    /// `objects`: how many will be written.
    pub(super) fn new(syntax: Syntax, objects: usize, rng: &'r mut StdRng) -> Self {
        let chosen = rng.random_range(0..objects);
        Self { syntax, rng, chosen, written: 0, name: String::new() }
    }

    pub(super) fn object(&mut self, mut fields: Fields) -> String {
        if self.written == self.chosen {
            self.repeat_one(&mut fields);
        }
        self.written += 1;
        self.syntax.object(&fields)
    }

    /// What to charge, in two objects.
    pub(super) fn input(&mut self) -> String {
        let metadata = self.object(metadata());
        let input = self.syntax.input(&metadata);
        self.object(input)
    }

    /// Adds a field again, anywhere. JSON can spell its name in another way.
    fn repeat_one(&mut self, fields: &mut Fields) {
        let (name, value) = fields.choose(&mut *self.rng).unwrap().clone();
        let is_escaped = matches!(self.syntax, Syntax::Json) && self.rng.random_bool(0.5);
        let spelled = if is_escaped { self.escaped(&name) } else { name.clone() };
        let place = self.rng.random_range(0..=fields.len());
        fields.insert(place, (spelled, value));
        self.name = name;
    }

    /// The name with one of its letters as an escape.
    fn escaped(&mut self, name: &str) -> String {
        let chosen = self.rng.random_range(0..name.len());
        let letters = name.char_indices().map(|(at, letter)| {
            if at == chosen { format!("\\u{:04x}", u32::from(letter)) } else { letter.to_string() }
        });
        letters.collect()
    }
}

#[test]
fn one_field_is_given_twice_and_all_others_once() {
    use rand::SeedableRng as _;

    for seed in 0..100 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut twice = Twice::new(Syntax::Json, 2, &mut rng);
        let input = twice.input();
        let repeated = edge_core::request::repeated_name(&input).unwrap();
        assert_eq!(repeated.as_deref(), Some(twice.name.as_str()), "{input}");
        let read: serde_json::Value = serde_json::from_str(&input).unwrap();
        let sound = Syntax::Json.object(&Syntax::Json.input(&Syntax::Json.object(&metadata())));
        assert_eq!(read, serde_json::from_str::<serde_json::Value>(&sound).unwrap(), "{input}");
    }
}
