"""Celery: triggers only. The work and its tests live in the domains and use cases."""
