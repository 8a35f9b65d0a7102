-- Hand a run's stream to its next owner: from now on an earlier epoch can append nothing, also where
-- there is no stream yet (any more): its old owner may be about to write the first entry.
--
-- KEYS: the stream, and what its owner kept of the run's outcome. ARGV: the new epoch; seconds that
-- the log lives on. Returns all entries, and the outcome or false.
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local epoch, seq = '0', '0'
if newest[1] then
  epoch, seq = string.match(newest[1][1], '^(%d+)-(%d+)$')
end
if tonumber(epoch) < tonumber(ARGV[1]) then
  redis.call('XADD', KEYS[1], ARGV[1] .. '-' .. seq, 'f', '')
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return {redis.call('XRANGE', KEYS[1], '-', '+'), redis.call('GET', KEYS[2])}
