"""The grant signer: a process of its own that mints door grants and believes nobody (docs/adr/0002)."""
