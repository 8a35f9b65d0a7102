"""How a run ends: the end is stored first and told to readers after."""
