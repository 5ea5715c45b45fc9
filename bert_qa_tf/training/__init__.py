"""Training: strategies, optimization, the loop and its checkpoints."""
