"""What tasks that read one text at a time have in common; classification is one of them."""
