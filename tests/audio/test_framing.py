"""Windows of one length from pieces of any, nothing lost."""

from hypothesis import given
from hypothesis import strategies as st

from stella.audio.framing import VAD_WINDOW, Windows


@given(st.lists(st.binary(max_size=700), max_size=20), st.integers(1, 300))
def test_every_byte_comes_out_once_and_in_order(pieces, size):
    """Whatever the pieces."""
    windows = Windows(size)
    out = [window for piece in pieces for window in windows.feed(piece)]
    waiting = windows.waiting
    last = windows.flush()
    assert all(len(window) == size for window in out)
    whole = b"".join(pieces)
    assert b"".join(out) == whole[: len(whole) - waiting]
    assert last == (whole[len(whole) - waiting :].ljust(size, b"\xff") if waiting else b"")
    assert windows.waiting == 0
    assert windows.flush() == b""


def test_a_whole_window_is_handed_on_as_it_is():
    """No copy where none is needed."""
    piece = bytes(VAD_WINDOW)
    assert Windows().feed(piece)[0] is piece
