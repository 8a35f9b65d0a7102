"""What happens to a run between begin and settle, and when its worker dies."""
