"""`registry erase`: what a sender of feedback wrote is gone, and that there was feedback stays."""

from collections.abc import Callable
from pathlib import Path

from registry.access import ANONYMOUS
from registry.changing.auditing import verify
from registry.changing.hearing import Heard, give_feedback
from registry.changing.turn import Asking
from registry.model import Feedback
from registry.store import Place, Store
from tests.commands import Ended, refused, speaking_to
from tests.test_two_sides import service
from tests.town import history, properties, settle


def test_feedback_is_erased_by_command(
    store: Store, place: Place, tmp_path: Path, carried_out: Callable[..., Ended]
) -> None:
    settle(store)
    given = give_feedback(
        store, Asking(ANONYMOUS, "form"), Heard(service(store), "Antreannya panjang.", contact="0812")
    )
    record = str(given.record)
    code, out, err = carried_out("erase", record, data=tmp_path, **speaking_to(place))
    assert (code, out) == (0, f"What the sender of {record} wrote is erased, and how to reach them.\n"), err
    assert "description" not in properties(store, Feedback, record) and properties(store, Feedback, record)["received"]
    assert (history(store, record)[0]["what"], history(store, record)[0]["how"]) == ("erased", "command")
    assert verify(store).what is None
    assert "There is no such record." in refused(
        carried_out("erase", "feedback:none", data=tmp_path, **speaking_to(place))
    )
