"""One module for each kind of pretrained encoder; `loader.py` tells them apart."""
