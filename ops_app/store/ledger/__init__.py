"""Queries of the area ledger."""
