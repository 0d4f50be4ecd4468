"""How often a finding is drawn anew, and when it is called firm (Borgatti, Carley & Krackhardt 2006)."""

from registry.reports.report import Parameter

FIRM = Parameter("firm", 0.8, 0.5, 1.0, "In what share of the draws something must be so to be called firm.")
SEED, SHIFTED = 20261125, 0.1
MANY, DRAWS, FEWER = 2_000, 100, 25


def draws_for(agencies: int) -> int:
    """Return how many times to draw: with many agencies shares settle sooner, and each draw takes longer."""
    return DRAWS if agencies <= MANY else FEWER
