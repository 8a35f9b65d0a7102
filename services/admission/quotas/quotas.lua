-- What one provider was asked for in a moving window, by the clock of this server alone.
--
-- Times are whole microseconds: as doubles they are exact, but Lua writes more than 14 digits of a
-- number only where `whole` does it.
--
-- KEYS: 1 the calls that arrived, by when; 2 those on their way, by when they were reserved;
--   3 the tokens of each, and "sum"; 4 the workers whose interactive request waits, by until when.
-- ARGV: 1 "reserve", "look" or "tell"; 2 the span; 3 after how long a call on its way is given up;
--   4 the requests and 5 the tokens that fit (-1: any number).
--   "reserve": 6 its id; 7 its tokens; 8 its worker; 9 for how long a refusal holds background
--   requests back, 0 for a background request itself; 10 the shortest wait; 11: 1 where further
--   interactive requests of the worker wait, or may.
--   Then what came of earlier ones: pairs of "arrived", "cancel" or a number of tokens, and an id.
-- Gives for "reserve" 1 and 0, or 0 and the wait; for "look" requests, tokens and the time until
-- all of them have left; for "tell" nothing that matters.

local AT_ONCE = 1000 -- the rest is left to the next call: Redis serves nothing else meanwhile
local arrived, on_way, tokens, waiting = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local verb, span, abandoned = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local requests_fit, tokens_fit = tonumber(ARGV[4]), tonumber(ARGV[5])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

local function whole(number)
  return string.format('%.0f', number)
end

local function add_tokens(number)
  if number ~= 0 then
    redis.call('HINCRBY', tokens, 'sum', whole(number))
  end
end

local function keep()
  local life = whole(math.ceil((abandoned + 2 * span) / 1000))
  for i = 1, 3 do
    redis.call('PEXPIRE', KEYS[i], life) -- all at once, or the sum would be of others
  end
end

local function arrive(id)
  if redis.call('ZREM', on_way, id) == 1 then
    redis.call('ZADD', arrived, whole(now), id)
    keep()
  end
end

local function cancel(id)
  if redis.call('ZREM', on_way, id) == 1 then
    add_tokens(-(redis.call('HGET', tokens, id) or 0))
    redis.call('HDEL', tokens, id)
  end
end

local function correct(id, number)
  local before = redis.call('HGET', tokens, id)
  if before then
    redis.call('HSET', tokens, id, number)
    add_tokens(number - before)
  end
end

local function tell_from(first)
  for i = first, #ARGV, 2 do
    local what, id = ARGV[i], ARGV[i + 1]
    if what == 'arrived' then
      arrive(id)
    elseif what == 'cancel' then
      cancel(id)
    else
      correct(id, what)
    end
  end
end

-- Where the clock was set back, what came after this moment came now: else it would never leave.
local function bring_to_now(calls)
  local ids = redis.call('ZRANGEBYSCORE', calls, '(' .. whole(now), '+inf', 'LIMIT', 0, AT_ONCE)
  for _, id in ipairs(ids) do
    redis.call('ZADD', calls, whole(now), id)
  end
end

local function let_leave()
  bring_to_now(arrived)
  bring_to_now(on_way)
  local since = whole(now - abandoned)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', on_way, '-inf', since, 'LIMIT', 0, AT_ONCE)) do
    arrive(id)
  end
  local newest = redis.call('ZRANGE', arrived, -1, -1, 'WITHSCORES')
  if newest[2] and newest[2] + span <= now and redis.call('EXISTS', on_way) == 0 then
    redis.call('UNLINK', arrived, tokens)
    return
  end
  local ids = redis.call('ZRANGEBYSCORE', arrived, '-inf', whole(now - span), 'LIMIT', 0, AT_ONCE)
  if #ids == 0 then
    return
  end
  local freed = 0
  for _, number in ipairs(redis.call('HMGET', tokens, unpack(ids))) do
    freed = freed + (number or 0)
  end
  redis.call('HDEL', tokens, unpack(ids))
  redis.call('ZREMRANGEBYRANK', arrived, 0, #ids - 1)
  add_tokens(-freed)
end

local function requests_now()
  return redis.call('ZCARD', arrived) + redis.call('ZCARD', on_way)
end

local function tokens_now()
  return tonumber(redis.call('HGET', tokens, 'sum') or 0)
end

-- How long until so many requests, or tokens, have left, the oldest first. Requests on their way
-- leave last.
local function until_requests_left(number)
  local last = redis.call('ZRANGE', arrived, number - 1, number - 1, 'WITHSCORES')
  return last[2] and last[2] + span - now or span
end

local function until_tokens_left(number)
  local score
  for rank = 0, AT_ONCE - 1, 50 do
    local some = redis.call('ZRANGE', arrived, rank, rank + 49, 'WITHSCORES')
    if #some == 0 then
      return span
    end
    local ids = {}
    for i = 1, #some, 2 do
      ids[#ids + 1] = some[i]
    end
    for i, held in ipairs(redis.call('HMGET', tokens, unpack(ids))) do
      number, score = number - (held or 0), some[2 * i]
      if number <= 0 then
        return score + span - now
      end
    end
  end
  return score + span - now -- a part of the wait: a request that asks again then is told the rest
end

local function until_room(wanted)
  local wait = 0
  if requests_fit >= 0 then
    local excess = requests_now() + 1 - requests_fit
    if excess > 0 then
      wait = math.max(1, until_requests_left(excess))
    end
  end
  if tokens_fit >= 0 then
    local excess = tokens_now() + wanted - tokens_fit
    if excess > 0 then
      wait = math.max(1, wait, until_tokens_left(excess))
    end
  end
  return wait
end

local function until_nobody_waits()
  redis.call('ZREMRANGEBYSCORE', waiting, '-inf', whole(now))
  local last = redis.call('ZRANGE', waiting, -1, -1, 'WITHSCORES')
  return last[2] and math.min(last[2] - now, span) or 0
end

local function hold_back(worker, holds)
  redis.call('ZADD', waiting, whole(now + holds), worker)
  redis.call('PEXPIRE', waiting, whole(math.ceil(holds / 1000)))
end

local function is_waited_for(worker)
  local held_until = redis.call('ZSCORE', waiting, worker)
  return held_until and tonumber(held_until) > now
end

local function reserve(id, wanted, worker, holds, shortest, more_wait)
  local wait = until_room(wanted)
  if holds == 0 then
    wait = math.max(wait, until_nobody_waits())
  end
  if wait > 0 then
    if holds > 0 then
      hold_back(worker, holds)
    end
    return {0, math.max(wait, shortest)}
  end
  if holds > 0 and more_wait and is_waited_for(worker) then
    hold_back(worker, holds)
  elseif holds > 0 then
    redis.call('ZREM', waiting, worker)
  end
  redis.call('ZADD', on_way, whole(now), id)
  redis.call('HSET', tokens, id, whole(wanted))
  add_tokens(wanted)
  keep()
  return {1, 0}
end

local function look()
  local reset = 0
  if redis.call('EXISTS', on_way) == 1 then
    reset = span
  else
    local newest = redis.call('ZRANGE', arrived, -1, -1, 'WITHSCORES')
    if newest[2] then
      reset = newest[2] + span - now
    end
  end
  return {requests_now(), tokens_now(), reset}
end

if verb == 'reserve' then
  tell_from(12)
  let_leave()
  local holds, shortest, more_wait = tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11] == '1'
  return reserve(ARGV[6], tonumber(ARGV[7]), ARGV[8], holds, shortest, more_wait)
end
tell_from(6)
if verb == 'look' then
  let_leave()
  return look()
end
return {0}
