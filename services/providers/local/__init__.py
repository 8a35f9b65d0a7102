"""Servers with OpenAI's protocol on a machine of one's own."""
