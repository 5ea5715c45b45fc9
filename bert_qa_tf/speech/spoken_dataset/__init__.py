"""Makes spoken versions of SQuAD-form data sets: contexts read aloud and recognised, answers found again."""
