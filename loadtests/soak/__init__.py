"""Faults on purpose: fuzzed messages, a crash model of the whole message path, and real ``kill -9``.

``make soak`` runs all of it at length; ``tests/faults`` runs the same code for seconds.
"""
