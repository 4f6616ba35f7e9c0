"""The planner's board with 400 routes and 6,000 visits, in a real browser, against the interface guide's budgets."""
