"""Run every benchmark in turn: `python -m benchmarks`, or `make bench`."""

from benchmarks import demo, engine, fresh, load, networks, reports
from benchmarks.reads import __main__ as reads

for benchmark in (demo, engine, load, reports, networks, fresh, reads):
    benchmark.main()
