"""Saving a day that breaks: what is fixed by now, what a change costs people, and whole solutions for one event."""
