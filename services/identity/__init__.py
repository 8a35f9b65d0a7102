"""Who somebody is: local accounts, and users of Supabase Auth."""
