"""Municipalities whose true saving is known, run through the real ledgers and the real report.

The generator shares no code with the rules: it writes domain events with their classes and adds up, minute by
minute, what the same days would have taken without the technology.
"""
