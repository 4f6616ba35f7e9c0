"""Structured logging: a static event name and ids, never names, positions or CPR numbers."""

import logging
import sys

import structlog


def configure(level: str = "info") -> None:
    """Lines of key and value on standard error, from this level on."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    # It warns of its own in-memory transport having no host.
    logging.getLogger("kombu").setLevel(logging.ERROR)
