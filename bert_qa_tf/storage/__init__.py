"""Files, local and remote: reading, atomic writing, digests, downloading, the user's cache. Below everything else."""
