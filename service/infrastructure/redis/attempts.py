"""Attempts at passwords, counted for all workers together."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.app.auth.throttle import RESERVED, Answer, AttemptCounters, Counter, Outcome
from service.infrastructure.redis.client import CALLS
from service.pkg.detached import TooManyAbandoned

# A counter is two keys: a hash (wrong, locked_until) and a sorted set of reservations by when they lapse.
_TIME: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
_RESERVE: Final = (
    _TIME
    + """
for i = 1, #KEYS, 2 do
    local locked = tonumber(redis.call('HGET', KEYS[i], 'locked_until') or 0)
    if locked > now then return {1, locked - now} end
end
for i = 1, #KEYS, 2 do
    local wrong = tonumber(redis.call('HGET', KEYS[i], 'wrong') or 0)
    redis.call('ZREMRANGEBYSCORE', KEYS[i + 1], '-inf', now)
    local left = math.max(1, tonumber(ARGV[3 + (i - 1) / 2]) - wrong)
    if redis.call('ZCARD', KEYS[i + 1]) >= left then return {2, 0} end
end
for i = 2, #KEYS, 2 do
    redis.call('ZADD', KEYS[i], now + ARGV[2], ARGV[1])
    redis.call('PEXPIRE', KEYS[i], ARGV[2])
end
return {0, 0}
"""
)
_SETTLE: Final = (
    _TIME
    + """
for i = 1, #KEYS, 2 do
    local arg = 3 + (i - 1) / 2 * 5
    redis.call('ZREM', KEYS[i + 1], ARGV[1])
    if ARGV[2] == 'WRONG' then
        local wrong = redis.call('HINCRBY', KEYS[i], 'wrong', 1)
        local limit, lock, longest = tonumber(ARGV[arg]), tonumber(ARGV[arg + 1]), tonumber(ARGV[arg + 2])
        local forget = tonumber(ARGV[arg + 3])
        if wrong >= limit then
            local length = math.min(longest, lock * 2 ^ math.min(wrong - limit, 20))
            forget = math.max(forget, length)
            redis.call('HSET', KEYS[i], 'locked_until', string.format('%d', now + length))
        end
        redis.call('PEXPIRE', KEYS[i], string.format('%d', forget))
    elseif ARGV[2] == 'RIGHT' and ARGV[arg + 4] == '1' then
        redis.call('DEL', KEYS[i])
    end
end
"""
)
_ANSWERS: Final = (Answer.RESERVED, Answer.LOCKED, Answer.BUSY)

_log = structlog.get_logger("profile.redis")


class RedisAttempts(AttemptCounters):
    """Counts in Redis, and with *fallback* while Redis is away."""

    def __init__(self, redis: Redis, fallback: AttemptCounters) -> None:
        self._fallback = fallback
        self._reserve = redis.register_script(_RESERVE)
        self._settle = redis.register_script(_SETTLE)

    async def reserve(self, reservation: str, counters: Sequence[Counter]) -> tuple[Answer, int]:
        """Reserve an attempt with all *counters*, or with none."""
        arguments: list[str | int] = [reservation, _ms(RESERVED), *(each.budget.limit for each in counters)]
        try:
            answer, milliseconds = await CALLS.run(self._reserve(keys=_keys(counters), args=arguments))
        except (RedisError, TooManyAbandoned) as error:
            _log.warning("redis unavailable", error_type=type(error).__name__)
            return await self._fallback.reserve(reservation, counters)
        return _ANSWERS[int(answer)], int(milliseconds)

    async def settle(self, reservation: str, counters: Sequence[Counter], outcome: Outcome) -> None:
        """Give the reservation back; count a wrong password, or forget those before a right one."""
        arguments: list[str | int] = [reservation, outcome.name]
        for each in counters:
            budget = each.budget
            lengths = [_ms(length) for length in (budget.lock, budget.longest, budget.forget)]
            arguments += [budget.limit, *lengths, int(each.is_reset_by_success)]
        # Both, because Redis may have gone or come back since the reservation.
        await self._fallback.settle(reservation, counters, outcome)
        try:
            await CALLS.run(self._settle(keys=_keys(counters), args=arguments))
        except (RedisError, TooManyAbandoned) as error:
            _log.warning("redis unavailable", error_type=type(error).__name__)


def _keys(counters: Sequence[Counter]) -> list[str]:
    # Braces: a script's keys have to live on one node of a cluster.
    return [
        key
        for each in counters
        for key in (f"attempts:{{login}}:{each.name}", f"reserved:{{login}}:{each.name}")
    ]


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
