"""What was derived from a base and takes long to derive again."""

from layers.store.base import Store


def test_what_is_kept_comes_back_until_something_else_takes_its_place(store: Store) -> None:
    assert store.kept("traces") is None
    store.keep("traces", {"version": 3, "名": "路"}, b"\x00\xff")
    store.keep("others", {}, b"")
    assert store.kept("traces") == ({"version": 3, "名": "路"}, b"\x00\xff")
    store.keep("traces", {"version": 4}, b"new")
    assert store.kept("traces") == ({"version": 4}, b"new")
    assert store.kept("others") == ({}, b"")
    assert store.kept("nothing") is None
