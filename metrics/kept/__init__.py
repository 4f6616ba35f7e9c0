"""Figures that were computed before somebody asks for them."""
