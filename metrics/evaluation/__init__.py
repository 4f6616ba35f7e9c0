"""The evaluation of a case: initially, midway and finally in every unit, counted and asked about."""
