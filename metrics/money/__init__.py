"""Kroner: what minutes are worth by a case's own rate, when they pay back, and what the sum hangs on. Pure."""
