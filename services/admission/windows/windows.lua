-- Counts in moving windows, all limits of a request at once, by the clock of this server alone.
--
-- KEYS: for each limit the list of the times (milliseconds) at which it was taken, newest first.
-- ARGV: "look", "take" (where all have room), "add" (room or not) or "give_back"; then for each
--   limit how many fit, and the span in milliseconds; to give back, the time that `take` gave.
-- Gives 1 where every limit had room and else 0; the time of what was counted, or 0; then for each
-- limit how many are left, and in how many milliseconds there is room again, or the oldest counts
-- no more.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local fits = 1
local counts = {}

for i, key in ipairs(KEYS) do
  local amount, span = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  if ARGV[1] == 'give_back' then
    redis.call('LREM', key, 1, ARGV[2 * #KEYS + 2])
  end
  -- Where the clock was set back, what was counted after this moment counts as of now: else nobody
  -- would get in before the clock is there again.
  local newest = 0
  local time = redis.call('LINDEX', key, newest)
  while time and tonumber(time) > now do
    redis.call('LSET', key, newest, now)
    newest = newest + 1
    time = redis.call('LINDEX', key, newest)
  end
  local oldest = redis.call('LINDEX', key, -1)
  while oldest and oldest + span <= now do
    redis.call('RPOP', key)
    oldest = redis.call('LINDEX', key, -1)
  end
  counts[i] = redis.call('LLEN', key)
  if counts[i] >= amount then
    fits = 0
  end
end

local counts_now = ARGV[1] == 'add' or (ARGV[1] == 'take' and fits == 1)
local answer = {fits, counts_now and now or 0}
for i, key in ipairs(KEYS) do
  local amount, span = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  if counts_now then
    redis.call('LPUSH', key, now)
    redis.call('PEXPIRE', key, span)
    counts[i] = counts[i] + 1
  end
  local first = redis.call('LINDEX', key, amount - 1) or redis.call('LINDEX', key, -1) or now
  answer[2 * i + 1] = amount - counts[i]
  answer[2 * i + 2] = first + span - now
end
return answer
