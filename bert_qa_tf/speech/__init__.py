"""From sound to text: recognition and synthesis, transcripts with word times, and transcripts made elsewhere."""
