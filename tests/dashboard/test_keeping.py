import pytest

from dashboard.keeping import Kept


def test_values_are_kept_up_to_a_size_the_last_used_longest():
    kept: Kept[str] = Kept(10)
    made = []

    def make(name: str) -> str:
        made.append(name)
        return name

    for name in ("a", "b", "a", "c"):  # 4 + 4, then 4 more: b was used least lately
        kept.get(name, lambda name=name: make(name), lambda _: 4)
    kept.get("a", lambda: make("a"), lambda _: 4)
    kept.get("b", lambda: make("b"), lambda _: 4)
    assert made == ["a", "b", "c", "b"]


def test_a_failure_is_not_kept():
    kept: Kept[int] = Kept(10)

    def fails() -> int:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        kept.get("a", fails, lambda _: 1)
    assert kept.get("a", lambda: 3, lambda _: 1) == 3


def test_one_value_larger_than_the_limit_is_still_returned():
    kept: Kept[int] = Kept(1)
    assert kept.get("a", lambda: 3, lambda _: 100) == 3
