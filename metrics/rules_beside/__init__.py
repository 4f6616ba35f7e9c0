"""Two versions of a rule side by side in the ledger: both are written, one of them counts, which one is data."""
