"""The common parts of tasks that read one text at a time, such as classification."""
