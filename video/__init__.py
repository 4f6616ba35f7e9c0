"""Screen visits: rooms, invitations, signalling. The domain is reserved here; its first modules come with the screen-visit page."""
