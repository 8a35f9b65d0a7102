"""What a request body may cost: its size, and what is in its JSON."""
