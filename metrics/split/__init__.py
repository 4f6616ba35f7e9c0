"""Who freed what of a day on which several technologies were in use: a check beside the waterfall, not a figure."""
