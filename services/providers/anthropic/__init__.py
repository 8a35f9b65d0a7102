"""Anthropic: Claude."""
