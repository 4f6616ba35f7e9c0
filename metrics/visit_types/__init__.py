"""Baselines of visits by unit, shift and visit type: what one visit of a kind took before, whoever it was paid to."""
