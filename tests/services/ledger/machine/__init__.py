"""A plain model of the ledger, and a machine that holds the services against it."""
