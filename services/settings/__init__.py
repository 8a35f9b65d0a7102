"""Every setting: declared, read from the environment, checked whole."""
