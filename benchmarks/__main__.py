"""Run every benchmark in turn: `python -m benchmarks`, or `make bench`."""

from benchmarks import alike, demo, engine, fresh, load, networks, reports
from benchmarks.reads import __main__ as reads

for benchmark in (alike, demo, engine, load, reports, networks, fresh, reads):
    benchmark.main()
