"""Grafana dashboards as data; :mod:`metrics.dashboards` writes the files."""
