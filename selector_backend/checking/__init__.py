"""What may be wrong with a table that has no errors, and with a whole release."""
