"""Packaging: what bert_qa_tf needs, and what each extra adds.

`make requirements` pins the whole of it in `requirements/*.txt`. The versions named exactly below are one tested set:
TensorFlow, tensorflow-text and tf-models-official only work in step with each other.
"""

from __future__ import annotations

import pathlib
import re

import setuptools

_HERE = pathlib.Path(__file__).resolve().parent


def _version() -> str:
    """The version in `bert_qa_tf/__init__.py`, read without importing the package."""
    text = (_HERE / "bert_qa_tf" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE).group(1)


def _long_description() -> str:
    readme = _HERE / "README.md"
    return readme.read_text(encoding="utf-8") if readme.exists() else ""


_INSTALL = [
    "tensorflow==2.20.0",
    "tensorflow-text==2.20.1",
    # Named exactly, always: left free, a resolver falls back to 2.7.
    "tf-models-official==2.20.0",
    # tensorflow-hub and tf-models-official are written for Keras 2, which is this package.
    "tf-keras==2.20.1",
    "tensorflow-hub==0.16.1",
    # Needs Python 3.11; built on Keras 3, so only arrays are ever taken from it.
    "keras-nlp==0.32.0",
    # Where published TF-Hub modules live now.
    "kagglehub>=0.3",
    "absl-py>=1.4",
    # Tells the likely encoding of a transcript that is not UTF-8; requests installs it too.
    "charset-normalizer>=3.4",
    "numpy>=2.0,<3",
    # Reads the Parquet files of data sets; tf-models-official installs it too, through tensorflow-datasets.
    "pyarrow>=18",
    # What `client` asks REST servers with; TensorFlow itself needs it too.
    "requests>=2.32",
    "safetensors>=0.5",
    # tensorflow-hub and TensorBoard import pkg_resources, which setuptools 82 no longer has.
    "setuptools<82",
    "tqdm>=4.66",
]

_EXTRAS = {
    # CUDA libraries as wheels. Linux only; there are none for macOS.
    "gpu": ["tensorflow[and-cuda]==2.20.0; sys_platform == 'linux'"],
    # Messages of TF Serving, and what a client of it speaks; the web server of `serve`.
    "serving": [
        "tensorflow-serving-api==2.20.0",
        "grpcio>=1.66",
        "requests>=2.32",
        "starlette>=1.0,<2",
        "uvicorn>=0.34,<1",
    ],
    # Recognition (the English model is in the wheel), word errors, likeness of words, reading and resampling audio.
    "speech": ["pocketsphinx>=5.1,<6", "jiwer>=4", "rapidfuzz>=3", "scipy>=1.13", "soundfile>=0.13"],
    # Whisper, for `--recognizer=faster_whisper`; its models are fetched when they are first named.
    "whisper": ["faster-whisper>=1.2,<2"],
    # Confusion matrices as pictures. tf-models-official installs it too today, but may stop to.
    "plots": ["matplotlib>=3.8"],
    # Tests, style, and uv, which pins the requirements. For tests of the client: TF Serving's services and messages, a
    # client that is not ours, certificates; PyYAML reads the compose file,
    # selenium drives a browser where one is installed.
    "test": [
        "cryptography>=43",
        "grpcio>=1.66",
        "hypothesis>=6.100",
        "ovmsclient==2023.1",
        "pytest>=8",
        "pytest-xdist>=3.6",
        "pyyaml>=6",
        "ruff>=0.8",
        "selenium>=4.20",
        "tensorflow-serving-api==2.20.0",
        "uv>=0.5",
    ],
}

setuptools.setup(
    name="bert_qa_tf",
    version=_version(),
    description="Fine-tune BERT to answer questions from speech transcripts, with TensorFlow",
    long_description=_long_description(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    packages=setuptools.find_packages(include=["bert_qa_tf", "bert_qa_tf.*"]),
    package_data={
        "bert_qa_tf.demo_data": ["*.json", "*.ogg", "*.md"],
        "bert_qa_tf.serving": ["page_shared/*"],
        "bert_qa_tf.tasks.classification": ["page/*"],
        "bert_qa_tf.tasks.question_answering": ["page/*"],
        "bert_qa_tf.asr_simulation": ["*.json"],
    },
    python_requires=">=3.11,<3.13",
    install_requires=_INSTALL,
    extras_require=_EXTRAS,
    classifiers=[
        "Operating System :: MacOS",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
