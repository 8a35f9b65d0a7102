"""A turn in SQLite: its begin, its end, and who may write between them."""
