"""Run every benchmark in turn: `python -m benchmarks`, or `make bench`."""

from benchmarks import fresh, load, networks, reports
from benchmarks.reads import __main__ as reads

for benchmark in (load, reports, networks, fresh, reads):
    benchmark.main()
