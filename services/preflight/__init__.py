"""What is checked before a server starts, and before it reloads."""
