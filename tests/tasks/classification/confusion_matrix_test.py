import struct
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.classification.confusion_matrix import format_table, write_picture

SST2 = np.array([[397, 31], [36, 408]])


def test_the_table_has_totals_precision_and_recall():
    assert format_table(SST2, ["negative", "positive"]).splitlines() == [
        "gold \\ predicted  negative  positive  total  precision  recall",
        "negative               397        31    428     91.7 %  92.8 %",
        "positive                36       408    444     92.9 %  91.9 %",
        "total                  433       439    872",
    ]


def test_a_wide_table_has_numbers_above_its_columns():
    assert format_table(SST2, ["negative", "positive"], max_width=50).splitlines() == [
        "gold \\ predicted    1    2  total  precision  recall",
        "1 negative        397   31    428     91.7 %  92.8 %",
        "2 positive         36  408    444     92.9 %  91.9 %",
        "total             433  439    872",
    ]


def test_what_has_no_share_and_what_never_occurs_is_no_zero():
    table = format_table(np.array([[3, 0], [0, 0]]), ["a", "b"]).splitlines()

    assert table[1].split() == ["a", "3", "·", "3", "100.0", "%", "100.0", "%"]
    assert table[2].split() == ["b", "·", "·", "0", "–", "–"]


def test_long_names_are_cut_and_have_one_line():
    table = format_table(SST2, ["a\nb", "x" * 40])

    assert "a b" in table
    assert f"{'x' * 23}…" in table
    assert "x" * 24 not in table


# === Pictures ===


def _svg_texts(path):
    tree = ElementTree.parse(path)
    return ["".join(text.itertext()) for text in tree.iter("{http://www.w3.org/2000/svg}text")]


@pytest.fixture
def _matplotlib():
    pytest.importorskip("matplotlib", reason="pictures need the extra `plots`")


@pytest.mark.usefixtures("_matplotlib")
def test_an_svg_holds_names_counts_and_shares(tmp_path):
    write_picture(tmp_path / "m.svg", SST2, ["negative", "positive"], "SST-2")

    texts = _svg_texts(tmp_path / "m.svg")
    for expected in ("397", "92.8 %", "31", "7.2 %", "36", "8.1 %", "408", "91.9 %", "SST-2", "gold", "predicted"):
        assert expected in texts
    assert texts.count("negative") == texts.count("positive") == 2
    assert "872 examples, accuracy 92.3 %" in texts


@pytest.mark.usefixtures("_matplotlib")
@pytest.mark.parametrize("num_classes", [2, 5, 20, 40])
def test_nothing_is_cut_off_at_the_edges(tmp_path, num_classes):
    from matplotlib.image import imread

    confusion = np.full((num_classes, num_classes), 3) + np.diag(np.full(num_classes, 123_456))
    labels = [f"a class of a long name {i}" for i in range(num_classes)]
    write_picture(tmp_path / "m.png", confusion, labels, "A title that is much longer than the picture is wide " * 3)

    pixels = imread(tmp_path / "m.png")
    # A margin of a tenth of an inch around all that is drawn.
    for edge in (pixels[:15], pixels[-15:], pixels[:, :15], pixels[:, -15:]):
        assert (edge == 1.0).all()
    width, height = struct.unpack(">II", (tmp_path / "m.png").read_bytes()[16:24])
    assert max(width, height) < 4000


@pytest.mark.usefixtures("_matplotlib")
def test_a_share_that_rounds_to_nothing_and_an_empty_row_are_shown_as_such(tmp_path):
    confusion = np.zeros((10, 10), np.int64)
    confusion[0, :2] = 9999, 1
    write_picture(tmp_path / "m.svg", confusion, list("abcdefghij"))

    texts = _svg_texts(tmp_path / "m.svg")
    assert "<1 %" in texts
    assert texts.count("0") == 98
    assert "nan %" not in texts


@pytest.mark.usefixtures("_matplotlib")
def test_a_dollar_sign_is_no_formula(tmp_path):
    write_picture(tmp_path / "m.svg", SST2, ["$a_b$", "$"], "$x^2$")

    assert {"$a_b$", "$", "$x^2$"} <= set(_svg_texts(tmp_path / "m.svg"))


@pytest.mark.usefixtures("_matplotlib")
@pytest.mark.parametrize("name", ["m.png", "m.svg"])
def test_the_same_matrix_gives_the_same_bytes(tmp_path, name):
    for folder in ("a", "b"):
        write_picture(tmp_path / folder / name, SST2, ["0", "1"])

    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.usefixtures("_matplotlib")
def test_settings_of_the_user_change_nothing_and_stay(tmp_path):
    import matplotlib

    write_picture(tmp_path / "a.svg", SST2, ["0", "1"])
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black"}):
        write_picture(tmp_path / "b.svg", SST2, ["0", "1"])
        assert matplotlib.rcParams["font.size"] == 30

    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_another_extension_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"m\.jpg: expected a name that ends in \.png or \.svg"):
        write_picture(tmp_path / "m.jpg", SST2, ["0", "1"])


def test_a_missing_matplotlib_is_one_line_that_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.style", None)

    with pytest.raises(InputError, match=r"drawing needs matplotlib: pip install 'bert_qa_tf\[plots\]'"):
        write_picture(tmp_path / "m.png", SST2, ["0", "1"])
    assert not list(tmp_path.iterdir())
