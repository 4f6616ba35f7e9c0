"""Lifts and turning systems: cycles become transfers, with one carer or two."""
