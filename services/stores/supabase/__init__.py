"""The store of more than one machine: a Supabase project, through its REST gateway."""
