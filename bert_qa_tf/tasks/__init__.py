"""What a model is trained for: one folder a task, behind the protocol in `base.py`."""
