"""The only place that knows HTTP, WebSocket, sessions, Celery, settings, migrations and pages."""
