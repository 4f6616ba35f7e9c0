"""Benefits: what the business case promised, what was measured before, what the events show since."""
