"""Spoken versions of SQuAD-form data sets: synthesised, recognised, answers placed."""
