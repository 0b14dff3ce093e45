"""Settings that are files: known by name and content, wherever they lie."""

import json

import pytest

from affect.record import settings_text
from training import registry
from training.contract import UserError
from training.file_settings import FileSetting, FileValue

ALLOWED = {"weights": FileSetting(("none",)), "width": (1, 0.25)}


def test_the_default_is_the_first_listed_value():
    assert registry.settings({}, ALLOWED) == {"weights": "none", "width": 1}
    assert registry.settings({"weights": "none"}, ALLOWED)["weights"] == "none"
    assert registry.value_texts(ALLOWED["weights"]) == ["none", "FILE"]
    assert registry.value_texts(ALLOWED["width"]) == ["1", "0.25"]


def test_a_file_is_known_by_its_name_and_content(tmp_path):
    one, elsewhere, other = tmp_path / "vgg.bin", tmp_path / "again" / "vgg.bin", tmp_path / "other" / "vgg.bin"
    for path, content in ((one, b"1"), (elsewhere, b"1"), (other, b"2")):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    first, same, different = (registry.settings({"weights": str(path)}, ALLOWED) for path in (one, elsewhere, other))
    assert isinstance(first["weights"], FileValue)
    assert first["weights"].path == one
    assert first == same != different
    # SHA-256 of the byte "1" begins so
    assert settings_text(first) == "weights=vgg@6b86b273ff34;width=1"
    assert json.loads(json.dumps(first)) == {"weights": "vgg@6b86b273ff34", "width": 1}


def test_a_missing_file_is_named_with_what_may_be_given():
    with pytest.raises(UserError, match=r"--set weights=no.bin: expected a file, or one of none; found no file there"):
        registry.settings({"weights": "no.bin"}, ALLOWED)
