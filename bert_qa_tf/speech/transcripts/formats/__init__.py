"""One module for each format of transcripts that other tools write; `reader.py` tells them apart."""
