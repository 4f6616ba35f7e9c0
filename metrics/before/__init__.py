"""What the platform's own events say of the time before a technology: a baseline nobody had to measure by hand."""
