"""Server-Sent Events out of bytes, as they come from the socket.

This runs once for every piece of every stream, so the usual cases, whole frames of a `data:` line
each or one of an `event:` and a `data:` line, take a shortcut; all else goes line by line.
"""

from typing import NamedTuple

import msgspec

from services.providers.wire.clean_text import protocol_error

MAX_FRAME_BYTES = 1 << 20
"""No provider's frame is near it; it bounds what a broken upstream makes this server hold."""

ERROR = b"error"
"""The name of a frame that tells a failure."""

STRAY = b"\n"
"""The name of what stands outside of all frames, a name that no server can give."""

_BOM = b"\xef\xbb\xbf"
_DATA = b"data: "
_EVENT = b"event: "
_END = b"\n\n"
_BETWEEN = _END + _DATA
_CRLF_END = b"\r\n\r\n"
_IGNORED = (b"", b"id", b"retry")  # a comment begins with the colon
_NEXT = (b"{", b"[DONE]")
_is_json = msgspec.json.Decoder(msgspec.Raw).decode


class Frame(NamedTuple):
    """One event: its data, lines joined by LF, and its name, empty where it has none."""

    data: bytes
    event: bytes = b""


class SseDecoder:
    """Takes bytes cut anywhere, gives whole frames; comments and unknown fields vanish.

    Follows the WHATWG parsing rules: LF, CRLF and CR end lines, a frame counts once its blank
    line is there. Beyond them:

    - A line `error: ...` is a frame named `error`, at once: llama.cpp told its failures so until
      the end of 2025.
    - What stands outside of all frames is a frame named STRAY: a line of JSON at once (Ollama), all
      else, such as a whole answer or an error over several lines, with a blank line or the end.
    - JSON that ends in one `data:` line and begins anew in the next is two frames: some servers
      leave out the blank line between.
    """

    def __init__(self) -> None:
        """Start at the first byte of a stream."""
        self._rest: list[bytes] = []  # the beginning of a line whose end has not come
        self._held_size = 0  # of the rest, the data and what is stray
        self._data: list[bytes] = []
        self._event = b""
        self._event_of_data = b""  # as it was when the data began
        self._stray: list[bytes] = []
        self._at_start = True
        self._after_cr = False  # the line ended with CR; an LF that follows belongs to it
        self._between_frames = True

    def feed(self, piece: bytes) -> list[Frame]:
        """Take the next bytes, give the frames that they complete.

        Raises ProviderError (`upstream_protocol`) for a line or frame over 1 MB.
        """
        if self._between_frames:
            if piece.startswith(_DATA):
                if piece.endswith(_END) and b"\r" not in piece and len(piece) <= MAX_FRAME_BYTES:
                    frames = [Frame(data) for data in piece[6:-2].split(_BETWEEN)]
                    if piece.count(b"\n") == 2 * len(frames):
                        self._at_start = self._after_cr = False
                        return frames
                elif piece.endswith(_CRLF_END):
                    return self._feed_crlf(piece)
            elif piece.startswith(_EVENT):
                return self._feed_named(piece)
        return self._feed_lines(piece)

    def _feed_named(self, piece: bytes) -> list[Frame]:
        name_end = piece.find(b"\n")
        if (
            piece.startswith(_DATA, name_end + 1)
            and piece.endswith(_END)
            and piece.find(b"\n", name_end + 1) == len(piece) - 2
            and b"\r" not in piece
            and len(piece) <= MAX_FRAME_BYTES
        ):
            self._at_start = self._after_cr = False
            return [Frame(piece[name_end + 7 : -2], piece[7:name_end])]
        return self._feed_lines(piece)

    def _feed_crlf(self, piece: bytes) -> list[Frame]:
        """Google ends its lines so."""
        size = len(piece)
        if (
            piece.find(b"\r") == size - 4
            and piece.find(b"\n") == size - 3
            and size <= MAX_FRAME_BYTES
        ):
            self._at_start = self._after_cr = False
            return [Frame(piece[6:-4])]
        return self._feed_lines(piece)

    def last(self) -> list[Frame]:
        """Give what the end of the body completes: a frame without its blank line, a last line.

        Where nothing but the end of the connection ends the body, nobody can know whether it was
        cut. So such a frame counts only if it is whole JSON, which half of a frame never is.
        """
        frames = self._feed_lines(b"\n" if self._rest else b"")
        self._dispatch(frames)
        return [frame for frame in frames if _is_whole(frame)]

    def _feed_lines(self, piece: bytes) -> list[Frame]:
        if self._after_cr and piece:
            piece = piece.removeprefix(b"\n")
            self._after_cr = False
        frames: list[Frame] = []
        lines = piece.splitlines(keepends=True)
        for line in lines:
            self._keep(self._rest, line.rstrip(b"\r\n"))
            if line.endswith((b"\n", b"\r")):
                self._end_line(frames)
        if lines:
            self._after_cr = lines[-1].endswith(b"\r")
        self._between_frames = not (self._rest or self._data or self._event or self._stray)
        return frames

    def _keep(self, where: list[bytes], what: bytes) -> None:
        where.append(what)
        self._held_size += len(what) + 1
        if self._held_size > MAX_FRAME_BYTES:
            text = "The provider sent a frame of more than 1 MB."
            raise protocol_error(text, may_retry=False)

    def _end_line(self, frames: list[Frame]) -> None:
        line = b"".join(self._rest)
        self._held_size -= len(line) + len(self._rest)
        self._rest.clear()
        if self._at_start:
            line = line.removeprefix(_BOM)
            self._at_start = False
        if not line:
            self._dispatch(frames)
            return
        field, colon, value = line.partition(b":")
        if field == b"data":
            self._take_data(value.removeprefix(b" "), frames)
        elif field == b"event":
            self._event = value.removeprefix(b" ")
        elif field == ERROR and colon:
            frames.append(Frame(value.removeprefix(b" "), ERROR))
        elif field not in _IGNORED:
            self._take_stray(line, frames)

    def _take_data(self, value: bytes, frames: list[Frame]) -> None:
        if not self._data:
            self._event_of_data = self._event
        elif value.startswith(_NEXT) and self._data[-1].endswith(b"}"):
            frames.append(self._frame(self._event_of_data))
            self._event_of_data = self._event
        self._keep(self._data, value)

    def _take_stray(self, line: bytes, frames: list[Frame]) -> None:
        if not self._stray and line.startswith(b"{") and line.rstrip().endswith(b"}"):
            frames.append(Frame(line, STRAY))
        else:
            self._keep(self._stray, line)

    def _dispatch(self, frames: list[Frame]) -> None:
        event, self._event = self._event, b""
        if self._data:
            frames.append(self._frame(event))
        elif self._stray and not event:
            frames.append(Frame(b"\n".join(self._stray), STRAY))
        # Beside data it was a field that nobody knows.
        self._held_size -= sum(map(len, self._stray)) + len(self._stray)
        self._stray.clear()

    def _frame(self, event: bytes) -> Frame:
        data = b"\n".join(self._data)
        self._held_size -= len(data) + 1
        self._data.clear()
        return Frame(data, event)


def _is_whole(frame: Frame) -> bool:
    if frame.event in {ERROR, STRAY} or frame.data.strip() == b"[DONE]":
        return True
    try:
        _is_json(frame.data)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
