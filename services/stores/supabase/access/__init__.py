"""The way to a Supabase project: connections, errors, and what is checked there."""
