"""Server-Sent Events out of bytes, as they come from the socket.

This runs once for every piece of every stream, so the usual cases, whole frames of a `data:` line
each or one of an `event:` and a `data:` line, take a shortcut; all else goes line by line.
"""

from typing import NamedTuple

from services.providers.wire.clean_text import protocol_error

MAX_FRAME_BYTES = 1 << 20
"""No provider's frame is near it; it bounds what a broken upstream makes this server hold."""

_BOM = b"\xef\xbb\xbf"
_DATA = b"data: "
_EVENT = b"event: "
_END = b"\n\n"
_BETWEEN = _END + _DATA
_CRLF_END = b"\r\n\r\n"
_ERRORS = (b"error", b'{"error"')
"""Names of a field that no standard knows: llama.cpp told its failures as `error: {...}` until the
end of 2025, and Ollama as a bare line of JSON."""


class Frame(NamedTuple):
    """One event: its data, lines joined by LF, and its name, empty where it has none."""

    data: bytes
    event: bytes = b""


class SseDecoder:
    """Takes bytes cut anywhere, gives whole frames; comments and unknown fields vanish.

    Follows the WHATWG parsing rules: LF, CRLF and CR end lines, a frame counts once its blank
    line is there. Beyond them a line `error: ...` and a bare `{"error": ...}` are frames named
    `error`, at once.
    """

    def __init__(self) -> None:
        """Start at the first byte of a stream."""
        self._rest: list[bytes] = []  # the beginning of a line whose end has not come
        self._rest_size = 0
        self._data: list[bytes] = []
        self._data_size = 0
        self._event = b""
        self._at_start = True
        self._after_cr = False  # the line ended with CR; an LF that follows belongs to it
        self._between_frames = True

    def feed(self, piece: bytes) -> list[Frame]:
        """Take the next bytes, give the frames that they complete.

        Raises ProviderError (`upstream_protocol`) for a line or frame over 1 MB.
        """
        if (
            self._between_frames
            and piece.startswith(_DATA)
            and piece.endswith(_END)
            and b"\r" not in piece
            and len(piece) <= MAX_FRAME_BYTES
        ):
            frames = [Frame(data) for data in piece[6:-2].split(_BETWEEN)]
            if piece.count(b"\n") == 2 * len(frames):
                self._at_start = self._after_cr = False
                return frames
        if self._between_frames and piece.startswith(_EVENT):
            return self._feed_named(piece)
        if self._between_frames and piece.endswith(_CRLF_END):
            return self._feed_crlf(piece)
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
        if (
            piece.startswith(_DATA)
            and piece.find(b"\r") == len(piece) - 4
            and piece.find(b"\n") == len(piece) - 3
            and len(piece) <= MAX_FRAME_BYTES
        ):
            self._at_start = self._after_cr = False
            return [Frame(piece[6:-4])]
        return self._feed_lines(piece)

    def last(self) -> list[Frame]:
        """Give what a last line without an end tells; a frame that is not complete is lost."""
        return self._feed_lines(b"\n") if self._rest else []

    def _feed_lines(self, piece: bytes) -> list[Frame]:
        if self._after_cr and piece:
            piece = piece.removeprefix(b"\n")
            self._after_cr = False
        frames: list[Frame] = []
        lines = piece.splitlines(keepends=True)
        for line in lines:
            if not line.endswith((b"\n", b"\r")):
                self._keep(line)
            elif (frame := self._end_line(line)) is not None:
                frames.append(frame)
        if lines:
            self._after_cr = lines[-1].endswith(b"\r")
        self._between_frames = not self._rest and not self._data and not self._event
        return frames

    def _keep(self, start: bytes) -> None:
        self._rest.append(start)
        self._rest_size += len(start)
        if self._rest_size + self._data_size > MAX_FRAME_BYTES:
            raise protocol_error("The provider sent a frame of more than 1 MB.")

    def _end_line(self, end: bytes) -> Frame | None:
        self._keep(end.rstrip(b"\r\n"))
        line = b"".join(self._rest)
        self._rest.clear()
        self._rest_size = 0
        if self._at_start:
            line = line.removeprefix(_BOM)
            self._at_start = False
        if not line:
            return self._dispatch()
        return self._take(line)

    def _take(self, line: bytes) -> Frame | None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._data_size += len(value) + 1
        elif field == b"event":
            self._event = value
        elif field in _ERRORS:
            return Frame(value if field == b"error" else line, b"error")
        return None

    def _dispatch(self) -> Frame | None:
        event, self._event = self._event, b""
        if not self._data:
            return None
        frame = Frame(b"\n".join(self._data), event)
        self._data.clear()
        self._data_size = 0
        return frame
