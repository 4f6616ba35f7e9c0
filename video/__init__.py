"""Screen visits: rooms, invitations, signalling. Reserved: the first modules come with the screen-visit page."""
