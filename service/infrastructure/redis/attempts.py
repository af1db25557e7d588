"""Attempts at passwords, counted for all workers together."""

from datetime import timedelta
from typing import Final

from redis.asyncio import Redis

from service.app.auth.budgets import BURST_IN_A_CROWD, Counter, Counters
from service.app.auth.throttle import RESERVATION_TTL, AttemptCounters, Outcome, ReservationResult
from service.domain.errors import Unavailable
from service.infrastructure.redis.client import CALLS, OUTAGES, tolerating_outages

# Of each counter is kept when its budget will be full again, in milliseconds, as in the generic cell rate
# algorithm (ITU-T I.371); of attempts that go on, a sorted set by when they lapse. KEYS: the set, the own
# counter, the crowds. ARGV: two, then burst and milliseconds for one more of each counter.
# The client sends a script again whose answer is late or lost: the second time must change nothing. So
# settling leaves a mark, which is the last key, for as many milliseconds as the last argument says.
_BEGIN: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function used(i)
    local full_at = tonumber(redis.call('GET', KEYS[i]) or now)
    return math.max(0, full_at - now) / tonumber(ARGV[2 * i])
end
"""
_RESERVE: Final = (
    _BEGIN
    + """
local burst = tonumber(ARGV[3])
for i = 3, #KEYS do
    if used(i) + 1 > tonumber(ARGV[2 * i - 1]) then burst = BURST_IN_A_CROWD end
end
local missing = used(2) + 1 - burst
if missing > 0 then return {1, math.ceil(missing * ARGV[4])} end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREM', KEYS[1], ARGV[1]) -- its own, if the answer was lost and it is asked again
if missing + redis.call('ZCARD', KEYS[1]) > 0 then return {2, 0} end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {0, 0}
"""
).replace("BURST_IN_A_CROWD", str(BURST_IN_A_CROWD))
_SETTLE: Final = (
    _BEGIN
    + """
redis.call('ZREM', KEYS[1], ARGV[1])
if ARGV[2] ~= 'WRONG' then return end
if not redis.call('SET', KEYS[#KEYS], 1, 'NX', 'PX', ARGV[#ARGV]) then return end
for i = 2, #KEYS - 1 do
    local length = math.ceil(math.min(used(i) + 1, tonumber(ARGV[2 * i - 1])) * ARGV[2 * i])
    redis.call('SET', KEYS[i], string.format('%d', now + length), 'PX', length)
end
"""
)
_ANSWERS: Final = (ReservationResult.RESERVED, ReservationResult.LOCKED, ReservationResult.BUSY)


class CountersUnavailable(Unavailable):
    """Redis does not answer, and what is counted there stays."""

    reason = "counters_unavailable"
    message = "Redis, which counts wrong passwords, does not answer; try again later."


class RedisAttempts(AttemptCounters):
    """Counts in Redis, and with *fallback* while Redis is away."""

    def __init__(self, redis: Redis, fallback: AttemptCounters) -> None:
        self._redis = redis
        self._fallback = fallback
        self._reserve = redis.register_script(_RESERVE)
        self._settle = redis.register_script(_SETTLE)

    async def reserve(self, reservation: str, counters: Counters) -> tuple[ReservationResult, int]:
        """Reserve an attempt."""
        arguments: list[str | int] = [reservation, _ms(RESERVATION_TTL), *_budgets(counters)]
        with tolerating_outages():
            answer, milliseconds = await CALLS.run(self._reserve(keys=_keys(counters), args=arguments))
            return _ANSWERS[int(answer)], int(milliseconds)
        return await self._fallback.reserve(reservation, counters)

    async def settle(self, reservation: str, counters: Counters, outcome: Outcome) -> None:
        """Give the reservation back, and count a wrong password."""
        keys = [*_keys(counters), f"settled:{{login}}:{reservation}"]
        kept = _ms(RESERVATION_TTL)
        arguments: list[str | int] = [reservation, outcome.name, *_budgets(counters), kept]
        # Both, because Redis may have gone or come back since the reservation.
        await self._fallback.settle(reservation, counters, outcome)
        with tolerating_outages():
            await CALLS.run(self._settle(keys=keys, args=arguments))

    async def reset(self, counters: Counters) -> None:
        """Forget the wrong passwords of the own counter, or raise `Unavailable`."""
        await self._fallback.reset(counters)
        try:
            await CALLS.run(self._redis.delete(_keys(counters)[1]))
        except OUTAGES as error:
            raise CountersUnavailable from error


def _all(counters: Counters) -> list[Counter]:
    return [counters.own, *counters.crowds]


def _keys(counters: Counters) -> list[str]:
    # Braces: a script's keys have to live on one node of a cluster.
    names = [f"guesses:{{login}}:{each.name}" for each in _all(counters)]
    return [f"going-on:{{login}}:{counters.own.name}", *names]


def _budgets(counters: Counters) -> list[int]:
    return [number for each in _all(counters) for number in (each.budget.burst, _ms(each.budget.every))]


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
