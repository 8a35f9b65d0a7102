"""Accounts, their logins, one-time links, and how addresses are compared."""
