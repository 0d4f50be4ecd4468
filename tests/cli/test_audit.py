"""`registry erase`: what a sender of feedback wrote is gone, and that there was feedback stays."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.model.definitions import Feedback
from registry.mutations.audit_events import digest
from registry.mutations.feedback import FeedbackInput, erase, give_feedback
from registry.mutations.revisions import verify
from registry.mutations.transaction import RequestContext
from registry.permissions import ADMIN, ANONYMOUS
from tests.mutations.test_confirmations import service
from tests.support.cli import Ended, refused, speaking_to
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.two_agencies import history, properties, settle

SHORT = "Bagus."


def kept(store: Store) -> str:
    """Return all that a store holds, as a text to look into."""
    return str(store.read(Cypher("MATCH (n) RETURN properties(n)")))


@SLOW_ON_NEO4J
def test_what_was_erased_is_not_guessed_of_what_stays(store: Store) -> None:
    settle(store)
    about = service(store)
    asking = RequestContext(ANONYMOUS, "form", "a-key-that-nobody-knows", {"text": SHORT})
    given = str(give_feedback(store, asking, FeedbackInput(about, SHORT)).record)
    ((salt,),) = store.read(Cypher("MATCH (c:Contact {id: $id}) RETURN c.salt", {"id": given}))
    assert digest(salt, SHORT) in kept(store), "as long as it stands, the chain shows that this was said"
    assert not erase(store, RequestContext(ADMIN, "command"), given).problems
    told = kept(store)
    assert digest(salt, SHORT) in told and salt not in told
    guesses = [sha256(one.encode()).hexdigest() for one in (SHORT, f'{{"text":"{SHORT}"}}')]
    assert not any(one in told for one in (SHORT, "a-key-that-nobody-knows", *guesses))
    assert verify(store).what is None
    other = str(give_feedback(store, RequestContext(ANONYMOUS, "form"), FeedbackInput(about, SHORT)).record)
    assert digest(salt, SHORT) not in str(history(store, other)), "nor by saying the same again"


@SLOW_ON_NEO4J
def test_feedback_is_erased_by_command(
    store: Store, place: ConnectionSettings, tmp_path: Path, carried_out: Callable[..., Ended]
) -> None:
    settle(store)
    given = give_feedback(
        store, RequestContext(ANONYMOUS, "form"), FeedbackInput(service(store), "Antreannya panjang.", contact="0812")
    )
    record = str(given.record)
    code, out, err = carried_out("erase", record, data=tmp_path, **speaking_to(place))
    assert (code, out) == (0, f"The text and the contact details of {record} were erased.\n"), err
    assert "description" not in properties(store, Feedback, record) and properties(store, Feedback, record)["received"]
    assert (history(store, record)[0]["what"], history(store, record)[0]["how"]) == ("erased", "command")
    assert verify(store).what is None
    assert "There is no such record." in refused(
        carried_out("erase", "feedback:none", data=tmp_path, **speaking_to(place))
    )
