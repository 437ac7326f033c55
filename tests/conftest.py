"""What every test shares: one thread per process and hypothesis profiles.

Hypothesis runs few examples by default, so that the suite takes minutes; `HYPOTHESIS_PROFILE=thorough pytest` searches
longer.
"""

from __future__ import annotations

import os

# The models of the tests are small: one thread is faster than several, and leaves the other cores alone. It has to be
# set before anything imports torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import HealthCheck, settings

settings.register_profile(
    "quick", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile(
    "thorough",
    max_examples=1000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
