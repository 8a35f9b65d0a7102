"""What requests and responses look like: one file a blueprint."""
