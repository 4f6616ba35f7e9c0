"""The media peer, a process of its own: pre-call echo and simulated citizen. It never decodes or encodes."""
