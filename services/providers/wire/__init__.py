"""Bytes from upstream: connections, frames, and what is common to all vendors' formats."""
