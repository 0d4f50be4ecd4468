"""Report `channels`: services without a channel, without a channel for replies, or with replies that are later than promised."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from registry.analysis.feedback import feedback_cases
from registry.analysis.report import Cell, Column, Evidence, Report, ReportDefinition, ReportRow
from registry.analysis.snapshot import ChannelRow, ServiceRow, SnapshotArrays
from registry.i18n import _, number
from registry.model.codelists import code_label
from registry.progress import steps

FINDINGS = {
    "overdue": "feedback is overdue",
    "one-way": "only one-way channels",
    "none": "no own channel",
}
PRIORITY = {code: place for place, code in enumerate(FINDINGS)}

CHANNELS = ReportDefinition(
    "channels",
    "Services without a two-way channel",
    "Which services have no channel on which people get an answer?",
    "A service should have its own two-way channel. If a service has no such channel, the general two-way channels "
    "of its providers are counted, because people may get an answer there. The report “Late answers to feedback” "
    "defines which feedback is overdue on the day of the report.",
    ("agencies", "services", "channels", "feedbacks"),
    (
        Column("finding", "Finding", "code", "The type of finding.", words=FINDINGS),
        Column("service", "Service", "text", "The service."),
        Column("providers", "Providers", "texts", "The agencies that provide the service."),
        Column("kinds", "Channels", "texts", "The kinds of channels of the service."),
        Column(
            "general_channels",
            "General channels",
            "integer",
            "Two-way channels of the providers that are not for one service.",
            "channels",
        ),
        Column("overdue", "Overdue feedback", "integer", "The number of pieces of feedback that are overdue."),
        Column(
            "days_overdue",
            "Days overdue",
            "integer",
            "The longest delay beyond the promised response time.",
            "days",
            changes_daily=True,
        ),
    ),
    key=("finding", "service"),
    counts="Services with a finding",
    concern="A service concerns its providers.",
    finding=lambda row: row.key[1:],
)


class ServiceChannels(NamedTuple):
    """A service, its channels, the general two-way channels of its providers, and how many days its overdue answers are late."""

    service: ServiceRow
    channels: Sequence[ChannelRow]
    elsewhere: int
    over: Sequence[int]


def channels(arrays: SnapshotArrays) -> Report:
    """List services without a two-way channel of their own, and services whose answers to feedback are overdue."""
    reached = list(_reached(arrays))
    ours = [one for one in reached if arrays.concerned(one.service.providers)]
    found = [(code, one) for one in reached for code in _findings(one)]
    rows = [_row(arrays, code, one) for code, one in steps(_("services with a finding"), sorted(found, key=_order))]
    return CHANNELS.answer(
        arrays.as_of, rows, found=len({one.service.id for _code, one in found}), of=len(ours),
        unknown=sum(_unknown(one) for one in ours), withheld=arrays.withheld, notes=_notes(reached),
    )  # fmt: skip


def _reached(arrays: SnapshotArrays) -> Iterator[ServiceChannels]:
    """Yield each service with its channels, and with the number of days that each overdue answer to feedback is late."""
    by_service: Mapping[str, list[ChannelRow]] = defaultdict(list)
    general: Counter[str] = Counter()
    for channel in arrays.snapshot.channels:
        for service in channel.services:
            by_service[service].append(channel)
        if not channel.services and channel.two_way:
            general.update(channel.agencies)
    over: Mapping[str, list[int]] = defaultdict(list)
    for one in feedback_cases(arrays.snapshot, arrays.as_of):
        for about in one.feedback.services:
            if one.days_overdue and not one.answered:
                over[about].append(one.days_overdue)
    for provided in arrays.snapshot.services:
        elsewhere = sum(general[who] for who in provided.providers)
        yield ServiceChannels(provided, by_service[provided.id], elsewhere, over[provided.id])


def _findings(one: ServiceChannels) -> Iterator[str]:
    """Yield the code of each finding about a service."""
    if one.over:
        yield "overdue"
    if not one.channels:
        yield "none"
    elif all(channel.two_way is False for channel in one.channels):
        yield "one-way"


def _unknown(one: ServiceChannels) -> bool:
    """Return whether it is unknown if the service has a two-way channel, because facts are not recorded."""
    ways = {channel.two_way for channel in one.channels}
    return None in ways and True not in ways


def _order(found: tuple[str, ServiceChannels]) -> tuple[int, int, int, str]:
    code, one = found
    return PRIORITY[code], -max(one.over, default=0), one.elsewhere, one.service.id


def _row(arrays: SnapshotArrays, code: str, one: ServiceChannels) -> ReportRow:
    kinds = dict.fromkeys(channel.kind for channel in one.channels if channel.kind)
    values: dict[str, Cell] = {
        "finding": code,
        "service": one.service.name,
        "providers": arrays.agencies.named(one.service.providers),
        "kinds": tuple(code_label("channel-kind", kind) for kind in kinds),
        "general_channels": one.elsewhere,
        "overdue": len(one.over) or None,
        "days_overdue": max(one.over, default=None),
    }
    evidence = Evidence(one.service.id, one.service.name, "Service")
    through = (Evidence(channel.id, channel.name, "Channel") for channel in one.channels)
    providers = arrays.agencies.records(one.service.providers)
    return ReportRow(values, (evidence, *providers, *through), concerns=tuple(one.service.providers))


def _notes(reached: Sequence[ServiceChannels]) -> list[str]:
    if not reached:
        return [_("There are no recorded services that you may see.")]
    answering = sum(any(channel.two_way for channel in one.channels) for one in reached)
    template = _("Services with their own two-way channel: {n} of {m}.")
    return [template.format(n=number(answering), m=number(len(reached)))]
