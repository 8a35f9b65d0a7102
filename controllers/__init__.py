"""Use cases: no Flask, no SQL, no vendor."""
