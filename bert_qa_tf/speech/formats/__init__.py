"""One module for each format of transcripts that other tools write; `transcript_files.py` tells them apart."""
