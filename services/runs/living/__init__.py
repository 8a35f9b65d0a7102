"""What is known of a run while it is written."""
