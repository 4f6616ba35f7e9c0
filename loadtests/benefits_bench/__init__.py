"""What counting costs: a new event beside a small and a large ledger, and a municipality's year from nothing."""
