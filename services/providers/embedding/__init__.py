"""Texts as vectors: what an embedder promises, and the embedder that needs no key."""
