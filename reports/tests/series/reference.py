"""The answers of published implementations of E-divisive, one line a series: the first run of each new level.

    cargo test -p isolab-reports --test changes -- --ignored          # writes target/tmp/series.txt
    pip install signal-processing-algorithms==2.1.6                   # in a venv of its own: it wants numpy 1
    python reference.py e-divisive < target/tmp/series.txt > e-divisive.txt
    pip install apache-otava==0.8.0
    python reference.py otava < target/tmp/series.txt > otava.txt

Both with their defaults, which are what their users see.
"""

import importlib.metadata
import platform
import sys

import numpy


def e_divisive(series):
    from signal_processing_algorithms.energy_statistics import energy_statistics

    return energy_statistics.e_divisive(series, pvalue=0.05, permutations=100)


def otava(series):
    from otava.analysis import compute_change_points

    return [point.index for point in compute_change_points(series)[0]]


package, method = {
    "e-divisive": ("signal-processing-algorithms", e_divisive),
    "otava": ("apache-otava", otava),
}[sys.argv[1]]
numpy.random.seed(1)
versions = [f"{name} {importlib.metadata.version(name)}" for name in (package, "numpy")]
print(f"# {', '.join(versions)}, Python {platform.python_version()}: python reference.py {sys.argv[1]}")
for line in sys.stdin:
    print(*sorted(int(point) for point in method([float(word) for word in line.split()])), flush=True)
