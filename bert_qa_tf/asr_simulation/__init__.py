"""What a speech recogniser would have heard of a text, without any audio."""
