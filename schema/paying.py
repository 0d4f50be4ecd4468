"""What operations cost is taken from a budget of who asks, where somebody keeps one: the server does, commands do not."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from registry.words import _
from schema.refusal import Refused

FREE = 1_000  # what costs less is counted as a request, and costs nothing besides
Spend = Callable[
    [int], Awaitable[int]
]  # takes a cost from a budget; returns 0, or the seconds until there is a new one
_spending: ContextVar[Spend | None] = ContextVar("spending", default=None)


class Spent(Refused):
    """What is not answered before `wait` seconds are over, since who asks has used up their budget."""

    def __init__(self, wait: int) -> None:
        sentence = _("This is more than is answered in a minute; please go on in {n} seconds.").format(n=wait)
        super().__init__("TOO_COSTLY", sentence, retryAfter=wait)
        self.wait = wait


@contextmanager
def spending(spend: Spend) -> Iterator[None]:
    """Let what is asked within be paid for so."""
    token = _spending.set(spend)
    try:
        yield
    finally:
        _spending.reset(token)


@contextmanager
def paid() -> Iterator[None]:
    """Let what is asked within cost nothing, since it was paid for as a whole."""
    token = _spending.set(None)
    try:
        yield
    finally:
        _spending.reset(token)


async def pay(cost: int) -> None:
    """Take a cost, in values that an answer may hold, from the budget of who asks. Raises Spent where it is used up."""
    spend = _spending.get()
    if spend is not None and cost >= FREE and (wait := await spend(cost)):
        raise Spent(wait)
