"""Texts as vectors: what an embedder promises, and the one that needs no key."""
