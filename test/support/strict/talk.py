"""A conversation by the rule: what of it a model is to be told."""

from dataclasses import dataclass, field


@dataclass
class Talk:
    """What was said and not refused: `seen` was answered, `unanswered` are the questions since."""

    seen: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)

    def take(self, question: str, answer: str, *, is_refused: bool) -> None:
        """Add a turn; an answer without a word is none."""
        self.unanswered.append(question)
        if is_refused:
            self.unanswered.clear()
        elif answer.strip():
            self.seen += [*self.unanswered, answer]
            self.unanswered.clear()

    def told(self) -> list[str]:
        """Give the texts that the model is told before a new message."""
        return [*self.seen, *self.unanswered]
