"""Reads files of questions: SQuAD form and its relatives, and the layouts of spoken data sets; see `input_formats`."""
