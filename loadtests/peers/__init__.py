"""OR-Tools beside our planner: the same days, the same seconds, the same judge."""
