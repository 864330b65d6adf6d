"""What is done to a cluster, by topic. Each fault stands in the file of its topic."""

from . import deaths, standstills, links, shortages, long_work, replicas, relay_logs, repairs, requests  # noqa: F401
from . import store, wrong_clocks, several  # noqa: F401
from .fault import FAULTS, stretch  # noqa: F401
