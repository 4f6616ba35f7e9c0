"""Where a day's visits come from: weekly patterns (grundplan), and how wanted visits become stored ones."""
