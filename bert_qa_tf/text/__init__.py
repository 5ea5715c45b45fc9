"""Text: tokenization, answer normalization and other rules on strings."""
