"""What the planner's board reads of a day: columns, not rows, because it reads thousands of visits at a time."""
