"""The providers that answer: a folder for each vendor, whose adapter is loaded at its first use."""
