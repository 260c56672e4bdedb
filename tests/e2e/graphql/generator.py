"""Schemathesis for GraphQL, with a new idempotency key for each mutation, and values for the schema's scalars."""

import uuid

import schemathesis
from hypothesis import strategies as st
from schemathesis.cli import schemathesis as cli
from schemathesis.graphql import nodes

schemathesis.graphql.scalar("MinorUnits", st.integers(-2, 2**53).map(nodes.Int))
schemathesis.graphql.scalar(
    "DateTime", st.datetimes().map(lambda at: nodes.String(at.isoformat(timespec="seconds") + "Z"))
)


@schemathesis.hook
def before_call(context, case, kwargs):
    if str(case.body).lstrip().startswith("mutation"):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())


if __name__ == "__main__":
    cli()
