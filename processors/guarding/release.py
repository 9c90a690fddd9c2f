"""A reply judged while it is made: sentence by sentence, since what a customer has read cannot be taken back."""

from __future__ import annotations

from processors.guarding.sentences import ends, sentences
from processors.guarding.verdict import MENDED, Finding, Grounds, Limits, Verdict, guard


class Release:
    """Holds a stream back until its sentences are judged. Give it the deltas, send on what it returns, then finish.

    For any cutting of a reply into deltas the released text is a beginning of the reply that `guard` passes.
    """

    def __init__(self, grounds: Grounds, limits: Limits = Limits()) -> None:  # noqa: B008
        self.grounds = grounds
        self.limits = limits
        self.released = ""
        self.findings: tuple[Finding, ...] = ()
        self._text = ""
        self._judged = 0

    @property
    def stopped(self) -> bool:
        """Whether a guard found what no more text mends: the generation can be cancelled."""
        return any(f.reason not in MENDED for f in self.findings)

    def add(self, delta: str) -> str:
        """What may be sent now; often nothing. A sentence is judged when the next one has begun."""
        self._text += delta
        parts = sentences(self._text)
        if self.stopped or len(parts) - 1 <= self._judged:
            return ""
        self._judged = len(parts) - 1
        return self._release("".join(parts[:-1]))

    def finish(self, complete: bool = True) -> tuple[str, Verdict]:
        """What may still be sent, and the verdict on the whole. complete: as `guard` has it."""
        text = self._text.strip()
        verdict = guard(text, self.grounds, self.limits, complete or not text or ends(text))
        if verdict.text.startswith(self.released) and not self.stopped:
            rest = verdict.text[len(self.released) :]
            self.released = verdict.text
            return rest, verdict
        found = verdict.findings or self.findings
        return "", Verdict("mended", self.released, found) if self.released else Verdict("refused", "", found)

    def _release(self, text: str) -> str:
        verdict = guard(text, self.grounds, self.limits)
        # A courtesy alone says nothing yet; the next sentence may rest on an article.
        self.findings = tuple(f for f in verdict.findings if f.reason != "wrong_language" or self.released)
        if verdict.outcome != "passed" or not verdict.text.startswith(self.released):
            return ""
        new = verdict.text[len(self.released) :]
        self.released = verdict.text
        return new
