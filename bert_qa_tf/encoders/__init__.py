"""BERT encoders: reading pretrained ones, building them, and running them for training and inference."""
