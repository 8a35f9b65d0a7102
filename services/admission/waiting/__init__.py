"""The queue before each provider, for calls that find no room there."""
