"""What is done about contact with debtors."""
