"""What the pages of records with thousands of links cost: at the first visit, again, and with several clients.

    python -m benchmarks.country.hubs http://127.0.0.1:8000

The server must serve a country (`benchmarks.country.tables`) and allow enough requests and cost per minute.
"""

import sys

from rich.console import Console
from rich.table import Table

from benchmarks.country import pages
from benchmarks.country.tables import Country

HEADINGS = ("page", "first ms", "again ms, 1 client", f"requests/s, {pages.CLIENTS} clients", "bytes", "status")


def main(base: str, country: Country | None = None) -> None:
    """Print what the pages of the hubs of a country cost on a running server."""
    country = country or Country(1.0)
    table = Table(*HEADINGS, title="Pages of hubs", box=None, title_justify="left")
    for name, path in _pages(country.hub, country.popular).items():
        one = pages.measure(base, name, path)
        numbers = f"{one.first:,.0f}", f"{one.again:,.0f}", f"{one.per_second:,.1f}", f"{one.size:,}"
        table.add_row(one.name, *numbers, str(one.status))
    Console(width=120).print(table)


def _pages(hub: str, popular: str) -> dict[str, str]:
    return {
        "agency with most services": f"/agencies/{hub}",
        "resource with most users": f"/resources/{popular}",
        "explorer of the agency": f"/explore?of={hub}",
        "explorer of the resource": f"/explore?of={popular}",
        "the agency and another compared": f"/shared?agency={hub}&agency=bench:agency-0000001",
        "impact of the agency": f"/explore?impact={hub}",
        "impact of the agency in a sector": f"/explore?impact={hub}&sector=sector:001",
        "impact of the resource": f"/explore?impact={popular}",
    }


if __name__ == "__main__":
    main(sys.argv[1])
