"""Local and remote files: reading, atomic writing, digests, downloads and the user's cache."""
