"""Where everything is kept: contracts in `base`, one folder an adapter, the same file names."""
