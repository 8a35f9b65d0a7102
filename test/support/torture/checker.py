"""Compares what clients were told with what the store has, by the contract and not by our code.

Each check yields a sentence for everything that is wrong.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from api.chat_client import Json
from torture.evidence import Asked, Evidence, Transcript, Visit
from torture.faults import FaultLog
from torture.losses import lost_words, told_end_may_be_lost
from torture.store import Stored

_STATUS_OF_DONE = {"stop": "complete", "stopped": "stopped"}
_STATUS_OF_ERROR = {"interrupted": "interrupted"}
_COUNTS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")


def check(evidence: Evidence, stored: Stored, faults: FaultLog) -> list[str]:
    """List everything that is wrong; the runs must have ended."""
    return [
        *evidence.problems,
        *_ends(stored),
        *_questions(evidence, stored),
        *_texts(evidence, stored),
        *_branches(stored),
        *_ledger(stored),
        *_readers(evidence, stored, faults),
        *_wholes(evidence, stored, faults),
        *_events(evidence),
        *lost_words(evidence, stored, faults),
    ]


def disagreement(told: Json, told_id: str | None, run: Json, content: str) -> str | None:
    """Tell how the end that a client was told differs from the stored end; None: it does not."""
    terminal = run["terminal"]
    if terminal is None:
        return "the store has no end"
    event = terminal["event"]
    of_store = (
        terminal["type"],
        event.get("finish_reason"),
        event.get("code"),
        event["message_id"],
        event["usage"],
        content,
        f"{run['id']}.{run['terminal_epoch']}.{run['terminal_seq']}",
    )
    of_client = (
        told["type"],
        told.get("finish_reason"),
        told.get("code"),
        told["message_id"],
        told["usage"],
        told["full_content"],
        told_id,
    )
    if of_store == of_client:
        return None
    return f"told {_short(of_client)}, stored {_short(of_store)}"


def _ends(stored: Stored) -> Iterator[str]:
    """Each run has one end, and its message has the same end."""
    for run in stored.runs.values():
        terminal, message = run["terminal"], stored.messages.get(run["message_id"])
        if message is None or terminal is None:
            yield f"{run['id']}: {run['status']}, terminal {terminal}, message {message}"
            continue
        event = terminal["event"]
        if terminal["type"] == "done":
            expected = _STATUS_OF_DONE.get(event["finish_reason"])
        else:
            expected = _STATUS_OF_ERROR.get(event["code"])
        if not expected == run["status"] == message["status"]:
            yield (
                f"{run['id']}: the run is {run['status']}, its message {message['status']}, "
                f"its end {event}"
            )
        if not run["finish_reason"] == message["finish_reason"] == event.get("finish_reason"):
            yield f"{run['id']}: finish reasons differ"


def _questions(evidence: Evidence, stored: Stored) -> Iterator[str]:
    """A question that was taken is stored once, a refused one never, and no other question is."""
    asked_by = _by_content(evidence)
    found = Counter(
        (message["session_id"], message["content"])
        for message in stored.messages.values()
        if message["role"] == "user"
    )
    for place in found.keys() - asked_by.keys():
        yield f"nobody asked {_short(place)}"
    for place, times in asked_by.items():
        run_ids = set().union(*(asked.run_ids for asked in times))
        if len(run_ids) > 1:
            yield f"a question with one key has runs {run_ids}"
        for run_id in run_ids - stored.runs.keys():
            yield f"{run_id}: told to a client, and not in the store"
        least = 1 if run_ids else 0
        most = 1 if run_ids or any(asked.unsure for asked in times) else 0
        if not least <= found[place] <= most:
            yield f"{run_ids or 'a refused question'}: {found[place]} user messages"


def _texts(evidence: Evidence, stored: Stored) -> Iterator[str]:
    """A stored text is the beginning of the known answer; a complete one is all of it."""
    asked_by = _by_content(evidence)
    for run in stored.runs.values():
        asking, answer = (stored.messages.get(run[f"{m}message_id"]) for m in ("user_", ""))
        times = asked_by.get((run["session_id"], asking["content"])) if asking else None
        if asking is None or answer is None or not times:
            yield f"{run['id']}: its messages are not there, or not of a question"
            continue
        whole, text = times[0].question.answer, answer["content"]
        if not whole.startswith(text):
            yield f"{run['id']}: stored {text[-40:]!r}, which is not of its answer"
        if run["status"] == "complete" and text != whole:
            yield f"{run['id']}: complete, with {len(text)} of {len(whole)} characters"
        if run["status"] == "stopped" and not any(asked.stopped for asked in times):
            yield f"{run['id']}: stopped, and nobody asked for it"


def _branches(stored: Stored) -> Iterator[str]:
    """The turns of a session follow one another: no two began after the same answer."""
    leaf: dict[str, str] = {}
    for run in stored.runs.values():
        asking = stored.messages.get(run["user_message_id"])
        answer = stored.messages.get(run["message_id"])
        if asking is None or answer is None:
            continue  # `_texts` reports it
        if asking["parent_id"] != leaf.get(run["session_id"]):
            yield f"{run['id']}: does not follow the answer before it"
        if answer["parent_id"] != asking["id"]:
            yield f"{run['id']}: its answer does not follow its question"
        leaf[run["session_id"]] = answer["id"]


def _ledger(stored: Stored) -> Iterator[str]:
    """Each run has one call, booked once, or none where the run died before the call was made."""
    rows_of: dict[str, list[Json]] = {run_id: [] for run_id in stored.runs}
    for row in stored.ledger:
        rows_of.setdefault(row["run_id"], []).append(row)
    for run_id, rows in rows_of.items():
        run = stored.runs.get(run_id)
        if run is None:
            yield f"{run_id}: booked, and no run"
            continue
        if run["terminal"] is None:
            continue  # `_ends` reports it
        text = stored.messages[run["message_id"]]["content"]
        if [row["attempt"] for row in rows] not in ([1], *([] if text else [[]])):
            yield f"{run_id}: booked as attempts {[row['attempt'] for row in rows]}"
        usage = run["usage"] or {}
        for name in _COUNTS:
            if sum(row[name] for row in rows) != usage.get(name):
                yield f"{run_id}: {name} {usage.get(name)}, booked {[row[name] for row in rows]}"
        if run["status"] == "complete" and usage.get("output_tokens") != len(text.split()):
            yield f"{run_id}: {len(text.split())} words cost {usage.get('output_tokens')}"


def _readers(evidence: Evidence, stored: Stored, faults: FaultLog) -> Iterator[str]:
    """A reader that was told an end was told the stored one, and got all of its text before."""
    for transcript in evidence.transcripts:
        run = stored.runs.get(transcript.run_id)
        if run is None:
            yield f"{transcript.run_id}: read, and not in the store"
            continue
        if transcript.terminal is None:
            yield f"{transcript.run_id}: a reader has no end: {_path(transcript)}"
            continue
        frame = transcript.terminal.frame
        content = stored.messages[run["message_id"]]["content"]
        differs = disagreement(frame.event, frame.id, run, content)
        persisted, told = frame.event["persisted"], transcript.terminal.at
        if differs and (persisted or not told_end_may_be_lost(told, faults)):
            yield f"{run['id']}: persisted {persisted}: {differs}: {_path(transcript)}"
        if transcript.text != frame.event["full_content"]:
            yield (
                f"{run['id']}: {len(transcript.text)} characters came, full_content has "
                f"{len(frame.event['full_content'])}: {_path(transcript)}"
            )


def _wholes(evidence: Evidence, stored: Stored, faults: FaultLog) -> Iterator[str]:
    """An answer that came as one JSON is the stored answer."""
    for whole in evidence.wholes:
        told = whole.reply
        run = stored.runs.get(told["run_id"])
        if run is None:
            continue  # `_questions` reports it
        content = stored.messages[run["message_id"]]["content"]
        of_store = (content, run["finish_reason"], run["usage"], run["message_id"])
        of_client = (told["content"], told["finish_reason"], told["usage"], told["message_id"])
        if of_store != of_client and not told_end_may_be_lost(whole.at, faults):
            yield f"{run['id']}: told as one {_short(of_client)}, stored {_short(of_store)}"


def _events(evidence: Evidence) -> Iterator[str]:
    """No event is missing within a connection, and one id means the same event to all readers."""
    seen: dict[str, Json] = {}
    for transcript in evidence.transcripts:
        for visit in transcript.visits:
            yield from _visit(transcript.run_id, visit)
            for sight in visit.sights:
                frame = sight.frame
                if not frame.id:
                    continue
                event = {name: what for name, what in frame.event.items() if name != "persisted"}
                if seen.setdefault(frame.id, event) != event:
                    yield f"{frame.id}: {_short(event)} and {_short(seen[frame.id])}"


def _visit(run_id: str, visit: Visit) -> Iterator[str]:
    frames = [sight.frame for sight in visit.sights]
    numbers = [_number(frame.id) for frame in frames if frame.id]
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))) if numbers else False:
        yield f"{run_id}: numbers {numbers} in one connection"
    if any(frame.is_terminal for frame in frames[:-1]):
        yield f"{run_id}: events after the end"
    if any(frame.id and not frame.id.startswith(f"{run_id}.") for frame in frames):
        yield f"{run_id}: events of another run"
    if frames:
        yield from _greeting(run_id, visit, numbers)
    if any(frame.type == "resume" for frame in frames[1:]):
        yield f"{run_id}: resumed within a connection"


def _greeting(run_id: str, visit: Visit, numbers: Sequence[int]) -> Iterator[str]:
    first = visit.sights[0].frame
    if first.type != "resume":
        if not (visit.is_post and first.type == "start"):
            yield f"{run_id}: the first event is {first.type}"
    elif first.event["recovered"] and numbers:
        expected = 1 + (_number(visit.after) if visit.after else 0)
        if numbers[0] != expected:
            yield f"{run_id}: recovered at {numbers[0]}, wanted {expected}"
    elif not first.event["recovered"] and first.id != "":
        yield f"{run_id}: not recovered, and standard readers keep their id"


def _by_content(evidence: Evidence) -> dict[tuple[str, str], list[Asked]]:
    asked_by: dict[tuple[str, str], list[Asked]] = {}
    for asked in evidence.asked:
        question = asked.question
        asked_by.setdefault((question.session, question.content), []).append(asked)
    return asked_by


def _number(event_id: str) -> int:
    return int(event_id.rpartition(".")[2])


def _path(transcript: Transcript) -> str:
    """Describe the connections of a reader, for the person who has to find out what went wrong."""
    steps = []
    for visit in transcript.visits:
        ids = [sight.frame.id or sight.frame.type for sight in visit.sights]
        span = f"{ids[0]} .. {ids[-1]}" if ids else "nothing"
        steps.append(f"{visit.server} after {visit.after}: {span.replace(transcript.run_id, '')}")
    return "; ".join(steps)


def _short(what: object) -> str:
    text = repr(what)
    return text if len(text) < 400 else f"{text[:200]} ... {text[-200:]}"
