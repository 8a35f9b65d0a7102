"""Servers with OpenAI's protocol on the operator's own machines."""
