"""Evaluation: decoding answers and scoring them."""
