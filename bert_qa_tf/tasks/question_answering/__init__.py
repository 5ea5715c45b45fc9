"""Question answering: finding the answer to a question as a span of a transcript."""
