"""A turn in Supabase: its begin, its end, and which worker may write between them."""
