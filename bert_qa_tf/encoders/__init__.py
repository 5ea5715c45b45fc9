"""Reads pretrained BERT encoders and their tokenizers, builds the encoders, and runs them."""
