"""Where everything is kept: contracts in `base`, a folder for each adapter, the same file names."""
