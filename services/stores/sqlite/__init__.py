"""The embedded store: one SQLite file in `DATA_DIR`."""
