"""The example queries that the page of GraphiQL offers."""

import json
import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit


def examples(page: str) -> dict[str, dict[str, Any]]:
    """Return the GraphQL request of each example in the menu, by its title."""
    links = re.findall(r'<li><a href="(/graphql\?[^"]+)"[^>]*>([^<]+)</a>', page)
    asked = {unescape(title): parse_qs(urlsplit(unescape(path)).query) for path, title in links}
    return {
        title: {"query": one["operation"][0], "variables": json.loads(one["variables"][0])}
        for title, one in asked.items()
    }
