"""Models: encoders, heads and losses."""
