"""Everything below the use cases: the domain, the adapters and what runs in the background."""
