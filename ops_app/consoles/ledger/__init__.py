"""Pages of money, for both houses."""
