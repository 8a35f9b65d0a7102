"""How names of hosts become addresses, so that a look-up that hangs holds up nobody else."""
