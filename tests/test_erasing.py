"""`registry erase`: what a sender of feedback wrote is gone, and that there was feedback stays."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from registry.access import ADMIN, ANONYMOUS
from registry.changing.auditing import verify
from registry.changing.erasable import digest
from registry.changing.hearing import Heard, erase, give_feedback
from registry.changing.turn import Asking
from registry.cypher.text import Cypher
from registry.model import Feedback
from registry.store import Place, Store
from tests.commands import Ended, refused, speaking_to
from tests.test_two_sides import service
from tests.town import history, properties, settle

SHORT = "Bagus."


def kept(store: Store) -> str:
    """Return all that a store holds, as a text to look into."""
    return str(store.read(Cypher("MATCH (n) RETURN properties(n)")))


def test_what_was_erased_is_not_guessed_of_what_stays(store: Store) -> None:
    settle(store)
    about = service(store)
    asking = Asking(ANONYMOUS, "form", "a-key-that-nobody-knows", {"text": SHORT})
    given = str(give_feedback(store, asking, Heard(about, SHORT)).record)
    ((salt,),) = store.read(Cypher("MATCH (c:Contact {id: $id}) RETURN c.salt", {"id": given}))
    assert digest(salt, SHORT) in kept(store), "as long as it stands, the chain shows that this was said"
    assert not erase(store, Asking(ADMIN, "command"), given).problems
    told = kept(store)
    assert digest(salt, SHORT) in told and salt not in told
    guesses = [sha256(one.encode()).hexdigest() for one in (SHORT, f'{{"text":"{SHORT}"}}')]
    assert not any(one in told for one in (SHORT, "a-key-that-nobody-knows", *guesses))
    assert verify(store).what is None
    other = str(give_feedback(store, Asking(ANONYMOUS, "form"), Heard(about, SHORT)).record)
    assert digest(salt, SHORT) not in str(history(store, other)), "nor by saying the same again"


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
