"""The run log and its readers."""
