"""How long jobs wait at busy servers: the formulas, without anything of this product in them.

The mean wait at m like servers is that of the G/G/m queue by Allen and Cunneen (Allen, Probability, Statistics and
Queueing Theory, 1990), which for one server is Kingman's (1961): the wait of the M/M/m queue, by Erlang's C formula,
times half the sum of the squared variations of the times between arrivals and of the service times. Exact for M/M/m and
M/G/1. A wait that happens is taken as exponential, as it is in M/M/m, and in any such queue when it is busy (Kingman's
heavy-traffic limit); so quantiles follow.
"""

from __future__ import annotations

import math


def erlang_c(servers: int, load: float) -> float:
    """The share of jobs that must wait at `servers` like servers, of which a share `load` (0 to 1) is busy.

    Poisson arrivals, exponential service. 1 where load is 1 or more: all of them wait.
    """
    if servers < 1:
        raise ValueError(f"{servers} servers serve nobody: give 1 or more")
    if load >= 1:
        return 1.0
    if load <= 0:
        return 0.0
    offered, blocked = servers * load, 1.0
    for n in range(1, servers + 1):  # Erlang's B by its recursion, which overflows nowhere
        blocked = offered * blocked / (n + offered * blocked)
    return blocked / (1 - load * (1 - blocked))


def mean_wait(servers: int, load: float, service: float, arrivals_cv2: float = 1.0, service_cv2: float = 1.0) -> float:
    """The mean wait before service, in the unit of `service` (the mean time of one job on one server).

    arrivals_cv2, service_cv2: variance over squared mean, of the times between arrivals and of service; 1 for Poisson
    and exponential ones, 0 for even ones. Endless where load is 1 or more.
    """
    if load >= 1:
        return math.inf
    waits = erlang_c(servers, load)
    return waits * service / (servers * (1 - load)) * (arrivals_cv2 + service_cv2) / 2


def wait_quantile(share: float, servers: int, load: float, service: float = 1.0, variability: float = 1.0) -> float:
    """The wait that a `share` of jobs does not exceed, in the unit of `service`.

    variability: half the sum of the two squared variations (see mean_wait). Endless where load is 1 or more; 0 where
    no more than 1 − share of the jobs wait at all.
    """
    if load >= 1:
        return math.inf
    waits = erlang_c(servers, load)
    if waits <= 1 - share:
        return 0.0
    return math.log(waits / (1 - share)) * service * variability / (servers * (1 - load))
