"""Who a user is: local accounts, and users of Supabase Auth."""
