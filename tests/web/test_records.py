"""Records, and what agencies share, as a visitor of the sample finds them."""

import html
import re
from typing import Any

import httpx
import pytest

from registry.clock import today
from registry.i18n import use_language
from registry.model.definitions import MODEL
from registry.web.presenters import agreement_status, status_text
from registry.web.records import compare_levels, short_titles, small_graph
from tests.web.test_lists import asked, names, total

DINKES, DUKCAPIL = "depok:dinkes-kota", "depok:disdukcapil"
BOTH = f"agency={DINKES}&agency={DUKCAPIL}"


def heading(page: str) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page)
    assert found
    return html.unescape(found[1])


def section(page: str, name: str) -> str:
    start = page.index(f'aria-labelledby="{name}"')
    return page[start : page.index("</section>", start)]


@pytest.mark.parametrize("kind", MODEL.kinds)
def test_every_record_of_a_list_has_a_page_and_data(visitor: httpx.Client, kind: str) -> None:
    page = visitor.get(f"/{MODEL[kind].plural}?first=3").text
    for path in re.findall(r'role="rowheader"><a href="([^"]+)">', page):
        assert visitor.get(path).status_code == 200, path
        (record,) = visitor.get(f"{path}.json").json().values()
        assert path.endswith(record["id"])


def test_a_page_tells_what_a_record_is_and_what_it_is_linked_to(visitor: httpx.Client) -> None:
    page = visitor.get(f"/agencies/{DINKES}").text
    assert heading(page) == "Dinas Kesehatan Kota Depok"
    assert "Department" in page and '<a href="/sectors/sector:health">Health</a>' in page
    uses = section(page, "part-uses")
    assert "Penghubung layanan pemerintah" in uses and "since Feb 1, 2026" in uses and "until Apr 30, 2023" in uses
    assert "Contoh data Kota Depok" in section(page, "origin")
    assert f'href="/explore?of={DINKES.replace(":", "%3A")}"' in page and f'href="/shared?agency={DINKES}"' in page


def test_links_that_are_many_lead_to_the_list_of_all(visitor: httpx.Client) -> None:
    part = section(visitor.get("/agencies/depok:diskominfo").text, "part-partnerships")
    path, count = re.findall(r'<a href="([^"]+)">See all ([\d,]+)</a>', part)[0]
    now = part.split("<details>")[0]
    assert 0 < now.count("<li>") <= 20 and "badge expired" not in now
    assert total(visitor.get(path).text) == int(count) > 20


def test_links_of_a_term_lead_to_the_list_of_its_parts_too(visitor: httpx.Client) -> None:
    part = section(visitor.get("/areas/area:32.76").text, "part-services")
    (path,) = re.findall(r'<a href="([^"]+)">See all, including those of narrower terms</a>', part)
    (direct,) = re.findall(r'<span class="n">(\d+)</span>', part)
    assert part.count("<li>") == 20
    assert total(visitor.get(path).text) > int(direct) > 20


def test_every_agency_is_named_whose_own_service_stops(visitor: httpx.Client) -> None:
    query = """{ impact(of: "depok:apl-sso") {
      agencies { record { id } }
      services { record { ... on Service { providers { role agency { id } } } } }
    } }"""
    told = asked(visitor, query)["impact"]
    leading = {
        part["agency"]["id"]
        for service in told["services"]
        for part in service["record"]["providers"]
        if part["role"] in ("lead", "co-provider")
    }
    assert len(leading) > 20 and leading <= {one["record"]["id"] for one in told["agencies"]}


def test_agreements_say_whether_they_are_in_force(visitor: httpx.Client) -> None:
    part = section(visitor.get(f"/agencies/{DINKES}").text, "part-partnerships")
    assert "expired on Apr 30, 2023" in part and "in force until Jun 25, 2031" in part
    assert "in force, no end date" in part and "dates not shown" in part


@pytest.mark.parametrize(
    ("dates", "code", "text"),
    [
        (("2020-01-01", "2026-11-24"), "expired", "expired on Nov 24, 2026"),
        (("2020-01-01", "2026-11-25"), "soon", "expires today"),
        (("2020-01-01", "2026-11-26"), "soon", "expires in 1 day, on Nov 26, 2026"),
        (("2020-01-01", "2027-02-23"), "soon", "expires in 90 days, on Feb 23, 2027"),
        (("2020-01-01", "2027-02-24"), "in-force", "in force until Feb 24, 2027"),
        (("2026-11-26", None), "to-come", "in force from Nov 26, 2026"),
        ((None, None), "in-force", "in force, no dates recorded"),
    ],
)
def test_where_an_agreement_stands_depends_on_the_day(dates: Any, code: str, text: str) -> None:
    with use_language("en"):
        found = status_text(*dates, withheld=False, today="2026-11-25")
        assert (found.code, found.text) == (code, text)
        assert status_text(*dates, withheld=True, today="2026-11-25").code == "unseen"


def test_what_parties_say_stands_side_by_side(visitor: httpx.Client) -> None:
    page = visitor.get("/partnerships/depok:ks-duk-rsud").text
    said = section(page, "said")
    assert "1 Networking" in said and "2 Cooperation" in said and "Their assessments differ by 1 level" in said
    assert "3 Coordination (Frey et al. 2006)" in page
    assert "1 Jejaring" in visitor.get("/partnerships/depok:ks-duk-rsud?lang=id").text


def test_only_the_latest_word_of_a_party_counts() -> None:
    def say(agency: str, level: int, on: str) -> dict[str, Any]:
        return {"scale": "four-c", "level": level, "on": on, "agency": {"id": agency, "name": agency}}

    unseen = {"scale": None, "level": None, "on": None, "agency": None}
    (one,) = compare_levels(
        [say("b:1", 4, "2026-01-01"), say("a:1", 1, "2025-01-01"), say("a:1", 2, "2025-06-01"), unseen]
    )
    assert {stated.agency.id: stated.level for stated in one.stated} == {"a:1": 2, "b:1": 4} and one.difference == 2


def test_a_restricted_record_shows_its_face_and_whom_to_ask(visitor: httpx.Client) -> None:
    page = visitor.get("/partnerships/depok:ks-duk-dinkes").text
    assert heading(page) == "Pemanfaatan data kependudukan untuk pelayanan kesehatan"
    withheld = section(page, "withheld")
    assert f'<a href="/agencies/{DUKCAPIL}">' in withheld and "021-0000-1101" in withheld
    assert "Legal basis" in withheld and "Statements" in withheld
    assert "Cooperation agreement" in page and "part-parties" in page
    for hidden in ("PKS Nomor", "2028", "part-covers_services", 'aria-labelledby="said"'):
        assert hidden not in page
    assert "PKS Nomor" not in visitor.get("/partnerships/depok:ks-duk-dinkes.json").text


def test_a_page_tells_what_stops_with_a_record(visitor: httpx.Client) -> None:
    stops = section(visitor.get("/services/depok:layanan-nik").text, "stops")
    query = '{ impact(of: "depok:layanan-nik") { services { lost text } } }'
    hits = asked(visitor, query)["impact"]["services"]
    assert f"<h3>{sum(one['lost'] for one in hits)} services would stop</h3>" in stops
    assert "Verifikasi nomor induk kependudukan needed by Penerbitan akta kelahiran" in html.unescape(stops)


def test_any_id_leads_to_its_record(visitor: httpx.Client) -> None:
    for path in ("/records/area:32.76?lang=id", "/agencies/area:32.76?lang=id"):
        answer = visitor.get(path)
        assert answer.status_code == 307 and answer.headers["location"] == "/areas/area:32.76?lang=id"
    assert visitor.get("/agencies/area:32.76.json").headers["location"] == "/areas/area:32.76.json"


def test_reports_lead_to_records(visitor: httpx.Client) -> None:
    page = visitor.get("/reports/agreements").text
    paths = re.findall(r'<li><a href="(/\w+/[^"]+)">', page)
    assert paths and all(visitor.get(path).status_code == 200 for path in set(paths[:5]))


def test_agencies_are_found_added_and_removed_without_a_script(visitor: httpx.Client) -> None:
    only = visitor.get(f"/shared?agency={DINKES}&find=Dinas Kependudukan dan Pencatatan Sipil")
    assert only.status_code == 303 and only.headers["location"].endswith(f"agency={DUKCAPIL}"), "one is added at once"
    page = visitor.get(f"/shared?agency={DINKES}&find=dinas").text
    assert f'<input type="hidden" name="agency" value="{DINKES}">' in page
    (path,) = re.findall(r'<a href="([^"]+)" aria-label="Add Dinas Kependudukan', page)
    both = visitor.get(html.unescape(path)).text
    assert 'id="partnerships"' in both
    (path,) = re.findall(r'class="remove" href="([^"]+)" title="Remove Dinas Kesehatan', both)
    assert "Add at least one more agency." in visitor.get(html.unescape(path)).text


def test_side_by_side_is_what_graphql_answers(visitor: httpx.Client) -> None:
    four = f"{BOTH}&agency=depok:diskominfo&agency=depok:dinsos-kota"
    page, data = visitor.get(f"/shared?{four}").text, visitor.get(f"/shared.json?{four}").json()["sharedBetween"]
    for group, one in (("resources", "resource"), ("services", "service"), ("partnerships", "partnership")):
        part = html.unescape(section(page, group))
        assert data[group] and all(each[one]["name"] in part for each in data[group])
    assert "Their assessments differ by 2 levels on this scale." in page
    assert "dates not shown" in page and "PTL Nomor 198/25/I/2026" in page


def test_uses_without_an_agreement_are_flagged(visitor: httpx.Client) -> None:
    for agencies in (
        "agency=depok:media-kabar&agency=depok:diskominfo",
        "agency=depok:perumda-pasar&agency=depok:dinsos-kota",
    ):
        page = visitor.get(f"/shared?{agencies}").text
        assert 'class="badge expired">no agreement in force' in section(page, "resources")
        assert "Without an agreement in force</dt><dd><strong>1<" in page


def test_another_day_changes_what_is_in_force(visitor: httpx.Client) -> None:
    agreement = asked(visitor, '{ partnership(id: "depok:ks-duk-rsud") { validUntil parties { agency { id } } } }')
    pair = "&".join(f"agency={one['agency']['id']}" for one in agreement["partnership"]["parties"])
    assert "in force until Mar 24, 2027" in visitor.get(f"/shared?{pair}").text
    assert "expired on Mar 24, 2027" in visitor.get(f"/shared?{pair}&as-of=2027-03-25").text
    assert f'value="{today()}"' in visitor.get("/shared").text


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/agencies/no:such", 404, "There is nothing at this address."),
        ("/records/no:such", 404, "There is nothing at this address."),
        ("/agencies/%00", 404, "There is nothing at this address."),
        ("/ministries", 404, "There is nothing at this address."),
        ("/ministries/x", 404, "There is nothing at this address."),
        (f"/shared?{BOTH}&as-of=soon", 400, "soon” is not a date"),
        (f"/shared.json?agency={DINKES}", 400, "Choose two or more agencies."),
        ("/shared?" + "&".join(f"agency=a:{n}" for n in range(21)), 400, "At most 20 agencies"),
        (
            f"/shared?agency={DINKES}&agency=no:such",
            200,
            "1 of the agencies does not exist, or you have no access to it.",
        ),
    ],
)
def test_what_is_not_there_is_a_sentence(visitor: httpx.Client, path: str, status: int, sentence: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code == status and sentence in answer.text


def test_lists_and_records_agree_on_what_things_are_called(visitor: httpx.Client) -> None:
    page = visitor.get("/channels?first=5").text
    paths = re.findall(r'role="rowheader"><a href="([^"]+)">', page)
    assert [heading(visitor.get(path).text) for path in paths] == names(page)


def test_a_small_graph_shows_some_of_what_each_link_leads_to_and_leads_on(visitor: httpx.Client) -> None:
    page = visitor.get("/agencies/depok:dinkes-kota").text
    star = page[page.index('<a class="small-graph"') : page.index("</svg>")]
    assert 'href="/explore?of=depok%3Adinkes-kota"' in star
    headings = re.findall(r'class="by">([^<]+) \((\d+)\)<', star)
    shown = re.findall(r'fill="var\(--kind-(\w+), var\(--kind-other\)\)" cx="86"', star)
    assert headings[:2] == [("Provides", "5"), ("Owns", "7")] and len(shown) == star.count("<path") > len(headings)
    assert "Imunisasi rutin anak" in star and {"Service", "Resource", "Partnership"} <= set(shown)
    assert small_graph([]) is None


def test_short_titles_keep_the_word_that_distinguishes_them() -> None:
    whole = [
        "Dinas Kesehatan",
        "Rumah Sakit Umum Daerah Wilayah Barat Kota",
        "Rumah Sakit Umum Daerah Wilayah Timur Kota",
    ]
    assert short_titles(whole, 24) == {
        whole[0]: whole[0],
        whole[1]: "Rumah Sakit U…Barat Kota",
        whole[2]: "Rumah Sakit U…Timur Kota",
    }
    offices = [f"Kantor Urusan Agama {place} dan Sekitarnya" for place in ("Kecamatan Beji", "Kecamatan Limo", "Kota")]
    short = short_titles(offices, 24)
    assert len(set(short.values())) == 3 and all(len(text) <= 24 for text in short.values())
    assert "Beji" in short[offices[0]] and "Limo" in short[offices[1]] and "Kota" in short[offices[2]]
    assert short_titles(["A" * 40], 9) == {"A" * 40: "AAAAAAAA…"} and not short_titles([])


def test_a_small_graph_shows_nothing_of_what_is_not_open(visitor: httpx.Client) -> None:
    page = visitor.get("/partnerships/depok:ks-duk-dinkes").text
    assert "Summary only: you need access to see the rest" in page
    star = page[page.index('<a class="small-graph"') : page.index("</svg>")]
    assert "Parties (2)" in star and "Statements" not in star and "Covers" not in star


def test_a_disputed_agreement_is_never_called_in_force_alone() -> None:
    dates = {"validFrom": "2020-01-01", "validUntil": None, "withheld": False}
    with use_language("en"):
        positions = [{"standing": "confirmed"}, {"standing": None}]
        assert agreement_status(dates | {"positions": positions}, "2026-11-25").code == "in-force"
        found = agreement_status(dates | {"positions": [*positions, {"standing": "disputed"}]}, "2026-11-25")
    assert (found.code, found.text) == ("disputed", "disputed by a party (in force, no end date by its dates)")


def test_a_record_is_shown_as_of_another_day(visitor: httpx.Client) -> None:
    path = f"/agencies/{DINKES}"
    before, now = visitor.get(f"{path}?as-of=2023-04-01").text, visitor.get(path).text
    ended = "until Apr 30, 2023"
    assert ended in section(before, "part-uses").split("<details>")[0] and "as of Apr 1, 2023" in before
    assert ended not in section(now, "part-uses").split("<details>")[0] and "Show today" not in now
    agreements = section(now, "part-partnerships").split("<details>")
    assert "badge expired" not in agreements[0] and "ended</summary>" in agreements[1]
    assert visitor.get(f"{path}?as-of=soon").status_code == 400


def test_uses_that_have_ended_are_marked_and_counted_apart(visitor: httpx.Client) -> None:
    asked = """query ($day: Date) { agencies(first: 100) { nodes { id usesCount(asOf: $day)
      ended: usesCount(period: ENDED, asOf: $day) upcoming: usesCount(period: UPCOMING, asOf: $day)
      all: usesCount(period: ALL) uses(period: ALL, first: 100) { since until } } } }"""
    days = [today(), "2023-06-01"]
    for day in days:
        given = {"query": asked, "variables": {"day": day}}
        nodes = visitor.post("/graphql", json=given).json()["data"]["agencies"]["nodes"]
        for one in nodes:
            uses = one["uses"] or []  # null, as are counts, where there are none but some may be hidden
            ended = sum((use["until"] or day) < day for use in uses)
            upcoming = sum((use["since"] or day) > day for use in uses)
            counts = ended, upcoming, len(uses), len(uses) - ended - upcoming
            assert tuple(one[name] for name in ("ended", "upcoming", "all", "usesCount")) == tuple(
                n or None for n in counts
            )
    given = {"query": asked, "variables": {}}
    nodes = visitor.post("/graphql", json=given).json()["data"]["agencies"]["nodes"]
    one = next(one for one in nodes if one["ended"] and one["usesCount"])
    part = section(visitor.get(f"/agencies/{one['id']}").text, "part-uses")
    assert f'<span class="n">{one["usesCount"]} now, {one["ended"]} ended</span>' in part
    now, ended = part.split("<details>")
    assert (now.count("<li>"), now.count("badge expired")) == (one["usesCount"], 0)
    assert (ended.count("<li>"), ended.count('class="badge expired">ended on')) == (one["ended"], one["ended"])
