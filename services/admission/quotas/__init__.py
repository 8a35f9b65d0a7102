"""What a provider takes in a span of time: requests and tokens."""
