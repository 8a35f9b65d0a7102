"""Domain events to wire formats: one file a format."""
