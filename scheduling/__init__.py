"""Visits, shifts, routes: planned, published, lived."""
