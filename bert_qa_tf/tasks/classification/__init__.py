"""Sentence classification: one text, one label."""
