//! The schema and its limits.

use async_graphql::{Schema, SchemaBuilder};

use super::cost::{COST_MAX, Cost, DEPTH_MAX};
use super::document::NESTING_MAX;
use super::documents::Documents;
use super::mutation::Mutation;
use super::query::Query;
use super::subscription::Subscription;

/// Directives on one field.
const DIRECTIVES_MAX: usize = 10;

pub(super) type GatewaySchema = Schema<Query, Mutation, Subscription>;

/// What `/graphql` executes.
#[derive(Clone)]
pub struct Graphql {
    pub(super) schema: GatewaySchema,
    pub(super) documents: Documents,
    /// Whether clients may ask for the schema.
    pub(crate) introspects: bool,
}

impl Graphql {
    /// `introspects`: whether clients may ask for the schema. It helps who develops, and who looks for weak places.
    #[must_use]
    pub fn new(introspects: bool, documents: Documents) -> Self {
        let schema = builder()
            .limit_depth(DEPTH_MAX)
            .limit_complexity(COST_MAX)
            .limit_recursive_depth(NESTING_MAX)
            .limit_directives(DIRECTIVES_MAX)
            .extension(Cost);
        let schema = if introspects { schema } else { schema.disable_introspection().disable_suggestions() };
        Self { schema: schema.finish(), documents, introspects }
    }

    /// The schema in GraphQL's schema definition language.
    #[must_use]
    pub fn sdl() -> String {
        builder().finish().sdl()
    }
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query, Mutation, Subscription)
}

impl std::fmt::Debug for Graphql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graphql").finish_non_exhaustive()
    }
}
