"""Training records of any task: feature tables, shards, manifest, batches."""
