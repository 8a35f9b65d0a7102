"""The one Redis of a worker: the connections to it, and whether it is away."""
