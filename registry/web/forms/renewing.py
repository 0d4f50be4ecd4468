"""An agreement that ends is renewed: another one, filled in from it, that follows it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from registry.access import Action, Actor, can
from registry.changing.state import State
from registry.model import Partnership
from registry.web.addresses import address
from registry.web.allowed import stewarded
from registry.web.standing import SOON

FOLLOWED = "renews"
OF_ITS_TIME = ("id", "valid_from", "valid_until")


def renewal(actor: Actor, record: Mapping[str, Any], today: str) -> str:
    """Return where an actor renews an agreement, given as pages show it.

    Nothing where it does not end within SOON days of a day (ISO 8601), where another follows it already, or where the
    actor may not hand in what its steward answers for.
    """
    known, until = stewarded(record), record["validUntil"]
    ends = known["status"] == "published" and until and until <= horizon(today) and not record["renewedByCount"]
    return renewal_path(record["id"]) if ends and can(actor, Action.PROPOSE, known) else ""


def renewal_path(agreement: str) -> str:
    """Return where an agreement is renewed."""
    return address(f"/register/{Partnership.plural}", [(FOLLOWED, agreement)])


def horizon(today: str) -> str:
    """Return the last day on which an agreement ends soon, as ISO 8601 text."""
    return (date.fromisoformat(today) + timedelta(days=SOON)).isoformat()


def follower(old: State) -> State:
    """Return the agreement that would follow another: the same, but for its days."""
    kept = {name: value for name, value in old.properties.items() if name not in OF_ITS_TIME}
    return replace(old, properties=kept, ties={**old.ties, FOLLOWED: {old.id: {}}})
