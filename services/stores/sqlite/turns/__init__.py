"""A turn in SQLite: its begin, its end, and which worker may write between them."""
