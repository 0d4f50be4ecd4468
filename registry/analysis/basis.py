"""What every analysis of ties rests on, in one sentence."""

from registry.analysis.world import World
from registry.figures import day, number, percent
from registry.words import _


def basis(world: World) -> str:
    """Say how many agencies and ties there are, and of how many agencies nothing is recorded."""
    if not len(world.agencies):
        return _("There are no agencies on record that you may see, so there is nothing to tell.")
    recorded = int(world.recorded.sum())
    return _(
        "{agencies} agencies, {ties} ties in force on {day}, {unconfirmed} of them not known to be confirmed by all; {recorded} "
        "agencies ({share}) have any agreement on record, the other {rest} are unknown, which is not the same as alone."
    ).format(
        agencies=number(len(world.agencies)),
        ties=number(len(world.ties)),
        unconfirmed=number(world.unconfirmed),
        day=day(world.as_of),
        recorded=number(recorded),
        share=percent(recorded / len(world.agencies)),
        rest=number(len(world.agencies) - recorded),
    )
