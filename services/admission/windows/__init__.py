"""Limits of callers, counted over a span of time that moves with the clock."""
