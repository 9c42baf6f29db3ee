"""The steward's ledger: what is recorded of projects, one file a table; see `layers.plan.ledger` for what follows from it."""
