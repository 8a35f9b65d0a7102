"""A provider that needs no key: it answers as its messages direct."""
