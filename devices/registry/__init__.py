"""Which devices exist, whose they are, and whether they are there."""
