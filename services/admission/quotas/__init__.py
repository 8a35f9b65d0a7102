"""How many requests and tokens a provider accepts in a span of time."""
