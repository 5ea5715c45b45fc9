"""Recordings: reading, cutting and recognising them."""
