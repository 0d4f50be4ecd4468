"""Run every benchmark: `python -m benchmarks`, or `make bench`."""

from benchmarks import load, reports

load.main()
reports.main()
