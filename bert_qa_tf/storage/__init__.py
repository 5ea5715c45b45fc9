"""Files, local and remote: reading, atomic writing, downloading, the user's cache. Below everything else."""
