"""The parts of the settings: what each environment variable is called, means and accepts."""
