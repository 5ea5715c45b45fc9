"""Readers of spoken question-answering data sets in the layouts in which they are published; see `input_formats`."""
