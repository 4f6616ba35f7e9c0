"""One way in for every device message: accepted, recognised as a duplicate, or quarantined. Never dropped."""
