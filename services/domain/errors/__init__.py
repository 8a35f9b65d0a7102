"""Every error that a client can meet, as one tree; `base` draws it."""
