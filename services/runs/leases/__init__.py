"""Which worker owns which run, and what becomes of the runs of dead workers."""
