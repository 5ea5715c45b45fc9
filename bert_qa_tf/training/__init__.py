"""Training: strategies, optimization, the training loop and its checkpoints."""
