"""Absences planned ahead: holidays and courses of carers, from a day to a day."""
