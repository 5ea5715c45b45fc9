"""Transcripts with word times: reading, cleaning and writing them."""
