"""A worker process: its parts, its life, and what runs beside the requests."""
