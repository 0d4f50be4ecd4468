"""A report about one agency alone."""

from registry.analysis.world import World
from registry.reports.report import ReportError, TextParameter
from registry.words import _

AGENCY = TextParameter("agency", "The id of the only agency that it is about; where it is empty, all.")


def place_of(world: World, agency: str) -> int:
    """Return where in the arrays an agency is. Raises ReportError."""
    if agency in world.place:
        return world.place[agency]
    raise ReportError(
        _("{name}: there is no agency on record with the id {id} that you may see.").format(name=AGENCY.name, id=agency)
    )
