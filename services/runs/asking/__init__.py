"""Which models are asked for an answer, in which order, and each call until it ends."""
