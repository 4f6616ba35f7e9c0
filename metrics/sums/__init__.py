"""Sums of the ledger by subject and week within a month: what figures are read from instead of single entries."""
