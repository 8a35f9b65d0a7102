"""A turn in Supabase: its begin, its end, and who may write between them."""
