"""What upstreams' errors say, in whatever form, what that means, and what becomes of it."""
