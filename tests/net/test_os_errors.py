from __future__ import annotations

import errno

import pytest

from bittorrent_threads.net.os_errors import describe, describe_code


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ECONNREFUSED, "connection refused"),
        (errno.ECONNRESET, "reset by peer"),
        (errno.EPIPE, "closed by the other end"),
        (errno.EHOSTUNREACH, "host unreachable"),
        (errno.EMFILE, "too many open files in this process"),
    ],
)
def test_known_errors_have_plain_words(number: int, reason: str) -> None:
    assert describe_code(number) == reason
    assert describe(OSError(number, "something else")) == reason


def test_others_keep_the_words_of_the_system() -> None:
    assert describe(OSError(errno.EIO, "Input/output error")) == "input/output error"
    assert describe(OSError("odd")) == "odd"
    assert describe(OSError()) == "OSError"
    assert describe(ValueError("embedded null byte")) == "embedded null byte"
