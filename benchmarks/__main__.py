"""Run every benchmark in turn: `python -m benchmarks`, or `make bench`."""

from benchmarks import demo, fresh, load, networks, reports
from benchmarks.reads import __main__ as reads

for benchmark in (demo, load, reports, networks, fresh, reads):
    benchmark.main()
