"""What is true of scores of any task: intervals and comparisons."""
