"""Migrations: numbered, linear, package-relative; run by ``Store.migrate``."""
