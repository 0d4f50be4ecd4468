"""Measure how many small faults in core modules the tests find: `python -m tests.support.mutation --help`.

cosmic-ray makes the faults. They are made in a copy of the tree, so an interrupted run leaves nothing behind. The tests of a module
run on the embedded engine only, and stop at the first failure.
"""

import argparse
import ast
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from difflib import unified_diff
from pathlib import Path

from registry import engine
from tests.support.paths import ROOT

CHANGES = ("tests/mutations/test_save.py", "tests/mutations/test_random_changes.py", "tests/schema/test_mutations.py")
PARTIES = ("tests/mutations/test_confirmations.py", "tests/mutations/test_requests.py")
PAST = ("tests/mutations/test_revisions.py", "tests/database/test_audit_log.py")
RULES = ("tests/model/test_rules.py",)
SAMPLE = "tests/reports/test_catalogue.py::test_a_report_on_the_sample_is_as_written"
QUERIES = ("tests/schema/test_planner.py", "tests/database/test_compiler.py", "tests/database/test_query.py")


def sampled(*reports: str) -> list[str]:
    """Return the tests of reports on the sample."""
    return [f"{SAMPLE}[{one}]" for one in reports]


# The modules, and the tests that are meant to find a fault in them: the quickest first.
TESTS: dict[str, Sequence[str]] = {
    "registry/permissions.py": ("tests/test_permissions.py", "tests/auth/test_permission_matrix.py", *QUERIES),
    "registry/model/values.py": (
        "tests/model/test_values.py",
        "tests/test_docs.py::test_the_printed_schema_is_up_to_date",
    ),
    "registry/mutations/audit_events.py": (*PAST, *PARTIES, *CHANGES),
    "registry/mutations/checks.py": (*RULES, *PARTIES, *CHANGES),
    "registry/mutations/confirmations.py": (*PARTIES, "tests/mutations/test_lapsed_confirmations.py", *PAST),
    "registry/mutations/feedback.py": (*PARTIES, "tests/cli/test_audit.py"),
    "registry/mutations/lifecycle.py": (*PARTIES, *CHANGES),
    "registry/mutations/requests.py": (*PARTIES, *RULES),
    "registry/mutations/revisions.py": (*PAST, "tests/mutations/test_interrupted_changes.py"),
    "registry/mutations/save.py": CHANGES,
    "registry/mutations/transaction.py": ("tests/mutations/test_transaction.py", *CHANGES, *PAST),
    "schema/limits.py": ("tests/schema/test_limits.py",),
    "schema/arguments.py": ("tests/schema/test_arguments.py", *QUERIES),  # the cursors
    "registry/database/query.py": QUERIES,
    "registry/database/conditions.py": QUERIES,
    "registry/database/compiler.py": QUERIES,
    "registry/analysis/agreements.py": ("tests/analysis/test_agreements.py", *sampled("agreements", "gaps")),
    "registry/analysis/brokers.py": (*sampled("brokers"), "tests/analysis/test_network.py"),
    "registry/analysis/canonical_order.py": ("tests/analysis/test_snapshot.py", *sampled("cut-points", "brokers")),
    "registry/analysis/channels.py": (*sampled("channels"), "tests/analysis/test_feedback.py"),
    "registry/analysis/communities.py": (
        "tests/analysis/test_communities.py",
        *sampled("communities"),
        "tests/analysis/test_network.py::test_groups_in_ties_drawn_at_random_are_called_chance",
    ),
    "registry/analysis/coverage.py": (
        "tests/analysis/test_coverage.py",
        *sampled("coverage", "gaps"),
        "tests/analysis/test_statistics.py",
    ),
    "registry/analysis/cut_points.py": ("tests/analysis/test_cut_points.py", *sampled("cut-points")),
    "registry/analysis/feedback.py": ("tests/analysis/test_feedback.py", *sampled("feedback")),
    "registry/analysis/gaps.py": ("tests/analysis/test_gaps.py", *sampled("gaps"), "tests/analysis/test_network.py"),
    "registry/analysis/isolates.py": (*sampled("isolates"), "tests/analysis/test_network.py"),
    "registry/analysis/levels.py": ("tests/analysis/test_levels.py", *sampled("levels")),
    "registry/analysis/likely_partners.py": ("tests/analysis/test_likely_partners.py", *sampled("likely-partners")),
    "registry/analysis/matches.py": ("tests/analysis/test_matches.py", *sampled("matches")),
    "registry/analysis/measures.py": ("tests/analysis/test_measures.py", *sampled("network", "brokers")),
    "registry/analysis/missing_ties.py": (*sampled("missing-ties"), "tests/analysis/test_network.py"),
    "registry/analysis/network.py": (*sampled("network"), "tests/analysis/test_network.py"),
    "registry/analysis/overlaps.py": (
        "tests/analysis/test_overlaps.py",
        *sampled("overlaps"),
        "tests/analysis/test_statistics.py",
    ),
    "registry/analysis/reuse.py": ("tests/analysis/test_reuse.py", *sampled("reuse")),
    "registry/analysis/run_comparison.py": ("tests/analysis/test_run_comparison.py",),
    "registry/analysis/sector_gaps.py": ("tests/analysis/test_sector_gaps.py", *sampled("sector-gaps")),
    "registry/analysis/statistics.py": (
        *sampled("sector-gaps", "overlaps", "network"),
        "tests/analysis/test_sector_gaps.py",
        "tests/analysis/test_statistics.py",
    ),
    "registry/analysis/what_if.py": ("tests/analysis/test_what_if.py", *sampled("what-if")),
}
# Faults that say little: identity of equal values is an accident, and a cached function without its cache is only slow.
SETTING = 20
LEFT_OUT = ("Invert", "_Is", "_IsNot", "Is_", "IsNot_", "RemoveDecorator", "Variable")
KEPT = ("ReplaceComparisonOperator_Is_IsNot", "ReplaceComparisonOperator_IsNot_Is")


@dataclass(frozen=True)
class Mutant:
    """A module with one fault."""

    module: str
    operator: str
    line: int
    code: str
    diff: str


@dataclass(frozen=True)
class Outcome:
    """Whether the tests found a fault."""

    module: str
    operator: str
    line: int
    killed: bool
    diff: str


class _Effective(ast.NodeTransformer):
    """Removes what is no fault when it changes: annotations, docstrings, flags that only guard against mistakes, settings."""

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """Remove the large numbers of a constant: a limit that is larger by one is another setting."""
        names = [one.id for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name)]
        if all(name.isupper() for name in names):
            for one in ast.walk(node.value):
                if isinstance(one, ast.Constant) and type(one.value) in (int, float) and one.value >= SETTING:
                    one.value = SETTING
        return self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        return (
            ast.keyword(node.arg, ast.Constant(None))
            if node.arg in ("strict", "frozen", "slots")
            else self.generic_visit(node)
        )

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return ast.Pass() if isinstance(node.value, ast.Constant) else self.generic_visit(node)


def _effect(code: str) -> str | None:
    try:
        return ast.dump(_Effective().visit(ast.parse(code)))
    except SyntaxError:
        return None


def sample(module: str, size: int, seed: int) -> list[Mutant]:
    """Return faults at random places of a module, at most one at each place."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    text = (ROOT / module).read_text(encoding="utf-8")
    tree, before = get_ast(text), _effect(text)
    places: dict[object, list[tuple[str, int]]] = {}
    for name in operator_names():
        kind = name.removeprefix("core/")
        if kind not in KEPT and any(one in kind for one in LEFT_OUT):
            continue
        operator = get_operator(name)()
        found = (place for node in ast_nodes(tree) for place in operator.mutation_positions(node))
        for number, place in enumerate(found):
            places.setdefault((place, kind.split("_")[0]), []).append((name, number))
    draw = random.Random(f"{seed} {module}")
    order = sorted(places, key=str)
    draw.shuffle(order)
    chosen: list[Mutant] = []
    for key in order:
        if len(chosen) == size:
            break
        name, number = draw.choice(places[key])
        code = mutate_code(text, get_operator(name)(), number)
        if code is None or _effect(code) in (None, before):
            continue
        lines = unified_diff(text.splitlines(), code.splitlines(), module, module, lineterm="", n=2)
        chosen.append(Mutant(module, name.removeprefix("core/"), key[0][0][0], code, "\n".join(lines)))  # type: ignore[index]
    return chosen


def outcomes(tree: Path, module: str, mutants: Sequence[Mutant]) -> Iterator[Outcome]:
    """Run the tests of a module on each mutant, in a copy of the tree."""
    tests = [one for one in dict.fromkeys(TESTS[module]) if (tree / one.split("::")[0]).exists()]
    began = time.monotonic()
    if _fails(tree, tests, 1800, write=True):
        raise SystemExit(f"The tests of {module} fail before any fault is made: {' '.join(tests)}")
    patience = 30 + 3 * (time.monotonic() - began)
    place = tree / module
    right = place.read_text(encoding="utf-8")
    for one in mutants:
        place.write_text(one.code, encoding="utf-8")
        for compiled in (place.parent / "__pycache__").glob(f"{place.stem}.*"):
            compiled.unlink()
        killed = _fails(tree, tests, patience)
        yield Outcome(module, one.operator, one.line, killed, one.diff)
    place.write_text(right, encoding="utf-8")


def _fails(tree: Path, tests: Sequence[str], patience: float, *, write: bool = False) -> bool:
    """Return whether a test fails, or does not end."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    settings = {
        **os.environ,
        "PYTHONPATH": str(tree),
        "PYTHONDONTWRITEBYTECODE": "" if write else "1",
        "REGISTRY_TEST_ENGINE": str(tree.parent / "engine"),
    }
    running = subprocess.Popen(command, cwd=tree, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return running.wait(timeout=patience) != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        running.terminate()
        running.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help=f"all unless named: {', '.join(TESTS)}")
    parser.add_argument("--sample", type=int, default=10, help="faults per module (10)")
    parser.add_argument("--seed", type=int, default=1, help="which faults (1)")
    parser.add_argument("--json", type=Path, help="also write every fault and its outcome to this file")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = [one for one in TESTS if not given.modules or any(part in one for part in given.modules)]
    found: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        tree = Path(directory) / "tree"
        shutil.copytree(
            ROOT, tree, symlinks=True, ignore=shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache")
        )
        engine.start(tree.parent / "engine", lasting=True)  # one for all, as each start takes seconds
        for module in chosen:
            mutants = sample(module, given.sample, given.seed)
            for number, one in enumerate(outcomes(tree, module, mutants), start=1):
                found.append(one)
                print(
                    f"{module} {number}/{len(mutants)}",
                    "killed" if one.killed else f"survived\n{one.diff}\n",
                    flush=True,
                )
            if given.json:
                given.json.write_text(json.dumps([asdict(one) for one in found], indent=1), encoding="utf-8")
        engine.stop(tree.parent / "engine")
    print(f"{'Module':<44} Faults  Found  Score   (seed {given.seed})")
    for module in [*chosen, ""]:
        rows = [one for one in found if one.module == module or not module]
        killed = sum(one.killed for one in rows)
        print(f"{module or 'All':<44} {len(rows):>6} {killed:>6} {killed / (len(rows) or 1):>6.2f}")


if __name__ == "__main__":
    main()
