"""Every setting: declared, read from the environment, and checked together with the others."""
