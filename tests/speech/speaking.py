"""What tests of speech share: skips, saying why, where programs or libraries are missing."""

import importlib.util
import shutil

import pytest

HAS_LIBRARIES = all(importlib.util.find_spec(name) for name in ("pocketsphinx", "soundfile", "jiwer", "rapidfuzz"))

needs_pocketsphinx = pytest.mark.skipif(not HAS_LIBRARIES, reason="needs requirements/speech.txt")
needs_flite = pytest.mark.skipif(
    not HAS_LIBRARIES or shutil.which("flite") is None,
    reason="needs requirements/speech.txt and flite (apt install flite, brew install flite)",
)
