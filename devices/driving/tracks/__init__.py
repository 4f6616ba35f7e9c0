"""Tracks of real drives from files: GPX and NMEA 0183, read whole or not at all."""
