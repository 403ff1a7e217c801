"""What the store keeps about contact with debtors."""
