"""Training records of any task: feature tables, shards, the manifest and batches."""
