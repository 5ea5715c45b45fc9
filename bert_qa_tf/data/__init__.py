"""Data: reading, checking, windowing, and records."""
