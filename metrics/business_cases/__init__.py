"""The approved business cases as data. Loaded by :mod:`metrics.business_case`."""
