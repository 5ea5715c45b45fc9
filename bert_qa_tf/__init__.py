"""Fine-tune BERT to answer questions from speech transcripts, with TensorFlow.

Importing this package does not import TensorFlow.
"""

__version__ = "0.1.0"
