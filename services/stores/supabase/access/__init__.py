"""The way to a Supabase project: connections, errors, and the check of a project."""
