"""The run log in Redis Streams, for any number of workers and machines."""
