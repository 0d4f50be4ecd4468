"""Run every benchmark in turn: `python -m benchmarks`, or `make bench`."""

from benchmarks import fresh, load, reports
from benchmarks.reads import __main__ as reads

for benchmark in (load, reports, fresh, reads):
    benchmark.main()
