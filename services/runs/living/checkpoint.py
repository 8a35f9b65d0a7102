"""Which part of a run's text the store has."""

from services.domain.runs import Piece
from services.streams.base import LogWriter


class Checkpoint:
    """Goes through the text of one run, piece by piece, as beats store it."""

    def __init__(self, writer: LogWriter) -> None:
        """Begin before the first word."""
        self._writer = writer
        self._saved = 0
        self._unsaved: Piece | None = None

    def unsaved(self) -> Piece | None:
        """Give the text that is in no checkpoint; it is the same piece until `saved` is called.

        A piece may be stored although the reply of its beat was lost: a longer piece would store
        the same text twice.
        """
        if self._unsaved is None:
            self._unsaved = self._writer.piece_after(self._saved)
        return self._unsaved

    def saved(self) -> None:
        """Note that the piece of `unsaved` is stored."""
        if self._unsaved is not None:
            self._saved, self._unsaved = self._unsaved.seq, None
