"""Tables of screen visits: rooms, invitations, calls."""
