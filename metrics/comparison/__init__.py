"""Comparison groups: those of a unit who have not begun yet, measured by the same rules at the same time."""
