"""Core metadata of any text under another name, and back."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from selector_backend.errors import SelectorError
from selector_backend.trees.renaming import Renaming

THERE = Renaming("spam", "Spam-cu12", "cu12")
BACK = Renaming("spam.cu12", "spam", "plain")

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=20)
OWN = st.sampled_from(["spam", "spam[plot]", "spam [a,b]>=1; extra == 'all'", "spam==1.0.*"])
OTHERS = st.sampled_from(
    ["spamalot", "spam-core>=1", "eggs; extra == 'spam'", "sp_am", "spam2", ""]
)
FIELDS = st.one_of(
    st.tuples(st.sampled_from(["Requires-Dist", "REQUIRES-DIST"]), st.one_of(OWN, OTHERS, TEXT)),
    st.tuples(st.sampled_from(["Summary", "Author", "Provides-Extra", "X-Spam"]), TEXT),
    st.tuples(st.just("License"), st.lists(TEXT).map("\n        ".join)),
)
BODIES = st.lists(TEXT).map("\n".join)


@given(st.lists(FIELDS), BODIES, st.sampled_from(["\n", "\r\n"]))
def test_a_new_name_and_the_old_one_again_is_what_was_there(
    fields: list[tuple[str, str]], body: str, line_end: str
) -> None:
    # What is called so already would be taken back as well.
    fields = [(key, value) for key, value in fields if "cu12" not in value]
    lines = ["Metadata-Version: 2.4", "Name: spam", "Version: 1.0"]
    lines += [f"{key}: {value}" for key, value in fields]
    content = (line_end.join(lines) + 2 * line_end + body).encode()
    renamed = THERE.metadata(content, "there")
    assert b"\nName: Spam-cu12" + line_end.encode() in renamed
    assert renamed.endswith(body.encode())
    assert BACK.metadata(renamed, "back") == content


@given(
    st.lists(st.sampled_from([b"Name: spam", b"Version: 1", b"\n", b"\r\n", b" ", b":"])),
    st.binary(),
)
def test_bytes_of_any_kind_are_renamed_or_one_message(start: list[bytes], rest: bytes) -> None:
    with contextlib.suppress(SelectorError):
        assert THERE.metadata(b"".join(start) + rest, "there").count(b"Spam-cu12")
