"""Lifts and turning systems: their cycles, who was there, and the question where nobody can tell."""
