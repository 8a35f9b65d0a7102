"""HTTP's chunked bodies, taken apart as they come from the socket.

urllib3 reads them line by line through a file, which costs seven calls a chunk. This runs once for
every piece of every stream, so the usual case, one whole chunk a receive, takes a shortcut.
"""

from urllib3.exceptions import ProtocolError

MAX_LINE_BYTES = 1 << 14
"""More than any size with its extensions, or any trailer, has; it bounds what is kept of one."""

_HEX = b"0123456789abcdefABCDEF"
_CRLF = b"\r\n"
_SIZE, _END, _TRAILER = range(3)  # what the next line is: before, behind or after all chunks


class ChunkDecoder:
    """Takes bytes cut anywhere, gives what they hold of the body; extensions and trailers vanish.

    `is_over`: the body has ended, nothing more may be fed. `left_over`: there were bytes behind its
    end, which are nobody's.
    """

    def __init__(self) -> None:
        """Start at the size of the first chunk."""
        self.is_over = False
        self.left_over = False
        self._left = 0  # bytes of the present chunk that have not come
        self._rest = b""  # the beginning of a line whose end has not come
        self._next_line = _SIZE

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, give the body in them; raises ProtocolError for what is no chunk."""
        if self._next_line == _SIZE and not self._rest:
            size_end = data.find(_CRLF)
            digits = data[:size_end]
            if digits and not digits.strip(_HEX):
                size = int(digits, 16)
                if size and len(data) == size_end + size + 4 and data.endswith(_CRLF):
                    return data[size_end + 2 : -2]
        return self._feed(data)

    def end(self) -> None:
        """Take the end of the connection; raises ProtocolError where chunks are missing.

        Some servers leave out the empty line behind the last chunk.
        """
        if self._next_line != _TRAILER:
            raise ProtocolError("The connection ended before the body did.")
        self.is_over = True

    def _feed(self, data: bytes) -> bytes:
        data = self._rest + data
        body = []
        at = 0
        while at < len(data) and not self.is_over:
            if self._left:
                piece = data[at : at + self._left]
                body.append(piece)
                self._left -= len(piece)
                at += len(piece)
                continue
            line_end = data.find(b"\n", at, at + MAX_LINE_BYTES)
            if line_end < 0:
                break
            self._read_line(data[at:line_end].removesuffix(b"\r"))
            at = line_end + 1
        self._rest = b"" if self.is_over else data[at:]
        self.left_over = self.is_over and at < len(data)
        if len(self._rest) >= MAX_LINE_BYTES:
            raise ProtocolError("The size of a chunk, or a trailer, has no end.")
        return b"".join(body)

    def _read_line(self, line: bytes) -> None:
        if self._next_line == _SIZE:
            digits = line.partition(b";")[0].strip(b" \t")
            if not digits or digits.strip(_HEX):
                raise ProtocolError("A chunk has no size.")
            self._left = int(digits, 16)
            self._next_line = _END if self._left else _TRAILER
        elif self._next_line == _TRAILER:
            self.is_over = not line
        elif line:
            raise ProtocolError("A chunk is longer than its size.")
        else:
            self._next_line = _SIZE
