"""The device gateway against its goals: one run, ratios inside it, a page that says what held."""
