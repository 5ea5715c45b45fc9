"""Reads pretrained encoders: one module for each kind, `handles.py` to tell them apart, `loader.py` to load any."""
