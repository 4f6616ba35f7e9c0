"""Makers of locks side by side: what each can keep, one port to all of them, and which of them acts on a door."""
