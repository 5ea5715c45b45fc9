"""Sentence classification: gives each text one label."""
