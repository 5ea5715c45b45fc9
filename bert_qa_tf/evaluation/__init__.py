"""Confidence intervals and comparisons of scores, for any task."""
