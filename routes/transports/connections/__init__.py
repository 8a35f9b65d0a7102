"""The connections of clients: who may have one, and how long each may keep the server waiting."""
