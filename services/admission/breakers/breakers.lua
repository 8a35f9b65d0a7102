-- The breaker of one model, by the clock of this server alone, in microseconds; see `whole` in
-- quotas.lua.
--
-- KEYS: 1 a hash: "failures" in a row; while it is open "rests" until when; while a worker probes
--   "prober" and "probes" until when.
-- ARGV: 1 the worker that asks; 2 how many failures open it; 3 how long it rests; 4 how long a probe
--   may take; 5 after how long it is forgotten; then what is told and asked, in order: "succeeded",
--   "failed" (by a call), "probe_failed", "released" (by a probe), "admit" or "look".
-- Gives 0 closed, 1 open or 2 half-open; 1 if the caller is to probe; the failures; how long it
-- still rests; how long the prober may still probe.

local breaker, me = KEYS[1], ARGV[1]
local failures_open, rest, probe = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local forget = ARGV[5]
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local is_probe = 0

local function whole(number)
  return string.format('%.0f', number)
end

local function get(field)
  return tonumber(redis.call('HGET', breaker, field) or 0)
end

-- Where the clock was set back, nothing lasts longer than it may: else a model would be left alone
-- until the clock is there again.
local function bound(field, longest)
  if get(field) > now + longest then
    redis.call('HSET', breaker, field, whole(now + longest))
  end
end

local function open()
  redis.call('HSET', breaker, 'rests', whole(now + rest))
  redis.call('HDEL', breaker, 'prober', 'probes')
  redis.call('PEXPIRE', breaker, forget)
end

local function fail()
  if get('rests') == 0 then
    local failures = redis.call('HINCRBY', breaker, 'failures', 1)
    redis.call('PEXPIRE', breaker, forget)
    if failures >= failures_open then
      open()
    end
  end
end

local function admit()
  local rests = get('rests')
  if rests > 0 and rests <= now and get('probes') <= now then
    redis.call('HSET', breaker, 'prober', me, 'probes', whole(now + probe))
    is_probe = 1
  end
end

bound('rests', rest)
bound('probes', probe)
for i = 6, #ARGV do
  local verb = ARGV[i]
  local is_mine = redis.call('HGET', breaker, 'prober') == me
  if verb == 'succeeded' then
    redis.call('DEL', breaker)
  elseif verb == 'probe_failed' and is_mine then
    open()
  elseif verb == 'failed' or verb == 'probe_failed' then
    fail()
  elseif verb == 'released' and is_mine then
    redis.call('HDEL', breaker, 'prober', 'probes')
  elseif verb == 'admit' then
    admit()
  end
end

local rests = get('rests')
local state = rests == 0 and 0 or rests > now and 1 or 2
local rests_for, probes_for = math.max(0, rests - now), math.max(0, get('probes') - now)
return {state, is_probe, get('failures'), rests_for, probes_for}
