"""Tables of lifts, turning systems and transfers."""
