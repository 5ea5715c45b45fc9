"""Ten transcript-like messages with questions (`messages.json`, SQuAD form), written for this project."""
