"""What the clients do: many conversations at once, with everything that the contract allows."""

import random
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from api.chat_client import ChatClient
from stack.supabase_postgres import SqlFailed
from stack.supabase_stack import SupabaseStack
from torture.checker import disagreement
from torture.client import Place, TortureClient
from torture.evidence import Evidence, Question, Transcript
from torture.store import end_of

STREAMS = 20
USERS = 5
MOST_WORDS = 400
PACES_MILLISECONDS = (5, 10, 20)
KEY_CHANCE, TWIN_CHANCE, STOP_CHANCE, WITNESS_CHANCE = 0.8, 0.2, 0.15, 0.3
BLOCKING_CHANCE = 0.1
LETTERS = ("", "é", "世", "🌊", "\n", "ß", "\t")


@dataclass(frozen=True, slots=True)
class Conversation:
    """A session and the token of its owner."""

    session: str
    token: str


def conversations(users: Sequence[ChatClient]) -> list[Conversation]:
    """Make the sessions of a round, spread over the users."""
    owners = [users[number % len(users)] for number in range(STREAMS)]
    return [Conversation(owner.new_session(), owner.token or "") for owner in owners]


class Load:
    """A thread for each conversation, which asks one question after the other until `finish`."""

    def __init__(
        self,
        urls: Sequence[str],
        talks: Sequence[Conversation],
        stack: SupabaseStack,
        seed: str,
    ) -> None:
        """Prepare the threads; the same seed asks the same questions."""
        self.evidence = Evidence()
        self._urls = urls
        self._stack = stack
        self._seed = seed
        self._is_finishing = threading.Event()
        self._deadline: float | None = None
        self._threads = [
            threading.Thread(target=self._talk, args=(number, talk), daemon=True)
            for number, talk in enumerate(talks)
        ]

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Ask no new questions."""
        self._is_finishing.set()

    def wait(self, deadline: float) -> None:
        """Wait until all clients have the ends of their answers, or until a monotonic time."""
        self._deadline = deadline
        for thread in self._threads:
            thread.join()

    def _is_over(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    def _talk(self, number: int, talk: Conversation) -> None:
        try:
            self._converse(number, talk)
        except Exception as exc:  # noqa: BLE001 - a thread must report every failure
            self.evidence.blame(f"the client of {talk.session} failed: {exc!r}")

    def _converse(self, number: int, talk: Conversation) -> None:
        chance = random.Random(f"{self._seed}/{number}")  # noqa: S311 - so that it can be repeated
        place = Place(
            send_to=self._urls,
            read_from=self._urls,
            token=talk.token,
            is_over=self._is_over,
            told_end=_sampled(self._witness, chance),
        )
        asks = 0
        while not self._is_finishing.is_set() and not self._is_over():
            asks += 1
            seed = f"{self._seed}/{number}/{asks}"
            question = _question(talk.session, f"s{number}q{asks}", chance)
            twin = None
            if question.key is not None and chance.random() < TWIN_CHANCE:
                twin = threading.Thread(
                    target=TortureClient(place, self.evidence, f"{seed}/twin").ask,
                    args=(question,),
                    daemon=True,
                )
                twin.start()
            TortureClient(place, self.evidence, seed).ask(question)
            if twin is not None:
                twin.join()

    def _witness(self, transcript: Transcript) -> None:
        """Look into the store at the moment when a client hears that its answer is stored."""
        assert transcript.terminal is not None
        frame = transcript.terminal.frame
        if not frame.event["persisted"]:
            return
        try:
            row = end_of(self._stack, transcript.run_id)
        except SqlFailed:
            return  # PostgreSQL is away
        differs = "it is not there"
        if row is not None:
            run = {**row, "id": transcript.run_id}
            differs = disagreement(frame.event, frame.id, run, row["content"]) or ""
        if differs:
            self.evidence.blame(f"{transcript.run_id}: persisted true, and {differs}")


def _sampled(
    witness: Callable[[Transcript], None], chance: random.Random
) -> Callable[[Transcript], None]:
    def told(transcript: Transcript) -> None:
        if chance.random() < WITNESS_CHANCE:
            witness(transcript)

    return told


def _question(session: str, name: str, chance: random.Random) -> Question:
    words = [
        f"{name}w{number}{chance.choice(LETTERS)}"
        for number in range(chance.randint(1, MOST_WORDS))
    ]
    key = str(uuid.UUID(int=chance.getrandbits(128))) if chance.random() < KEY_CHANCE else None
    return Question(
        session=session,
        answer=" ".join(words).strip(),
        milliseconds=chance.choice(PACES_MILLISECONDS),
        key=key,
        stop_after=chance.randint(1, 60) if chance.random() < STOP_CHANCE else None,
        is_blocking=key is not None and chance.random() < BLOCKING_CHANCE,
    )
