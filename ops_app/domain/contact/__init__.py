"""Contact with debtors: when it is held, and for how long."""
