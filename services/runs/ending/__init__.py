"""How a run ends: stored first, told after."""
