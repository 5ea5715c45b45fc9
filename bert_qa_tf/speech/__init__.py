"""Speech: recordings and their recognition, transcripts with word times, and spoken data sets."""
