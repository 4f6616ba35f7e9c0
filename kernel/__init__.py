"""What every domain stands on: ids, clocks, errors, the event log, the unit of work. Knows no domain."""
