"""Fine-tune BERT to answer questions from speech transcripts, with TensorFlow.

Importing this package imports no TensorFlow; each submodule says what it needs.
"""

__version__ = "0.1.0"
