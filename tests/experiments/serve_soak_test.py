"""A short run of `experiments/serve_soak/serve_soak.py`."""

import re
import runpy

import pytest

pytest.importorskip("uvicorn", reason="needs the extra `serving`")

from tests.testing import REPOSITORY

SOAK = runpy.run_path(str(REPOSITORY / "experiments" / "serve_soak" / "serve_soak.py"))


@pytest.mark.slow
def test_nothing_goes_wrong_beside_silent_clients_and_what_was_measured_is_written(tiny_export, tmp_path, capsys):
    report = tmp_path / "report.md"
    arguments = [
        f"--saved_model={tiny_export.qa_dir}",
        "--minutes=0.08",
        "--silent=60",
        "--pause_secs=0.1",
        "--alone=5",
    ]
    SOAK["main"]([*arguments, f"--output_file={report}"])  # the status depends on memory, which takes minutes to settle
    written = report.read_text(encoding="utf-8")
    assert written.endswith(capsys.readouterr().out[:-1])
    assert "| other answers | 0 |" in written
    assert "| errors | 0 |" in written
    assert "| exit status of the server | 0 |" in written
    asked, logged = re.search(r"a line in the log \| ([\d,]+) / ([\d,]+) \|", written).groups()
    assert 0 < int(asked.replace(",", "")) <= int(logged.replace(",", ""))


def test_memory_is_compared_when_it_has_settled():
    assert SOAK["_memory"]([900.0] * 10 + [1000.0] * 20 + [2000.0] * 20 + [1010.0] * 10) == (1000.0, 1010.0)
