-- Append what many runs have written since their last flush, each whole or not at all.
--
-- A run's stream is one key. The id of an entry is `epoch-seq` of its last event, so the newest id
-- tells who may write and what comes next, and Redis itself refuses an older owner.
-- ARGV: seconds that a log lives from its opening; seconds from its end; a cmsgpack array of
-- {key, id that must be the newest (empty: none may be there), id to write, is this the end};
-- then the events of each run. Returns nothing, or a cmsgpack array of {index, newest id or ''} of
-- the runs that were not appended.
local failed = {}
for index, run in ipairs(cmsgpack.unpack(ARGV[3])) do
  local key, before, id, has_ended = run[1], run[2], run[3], run[4]
  local newest = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)
  local found = newest[1] and newest[1][1] or ''
  if found == before then
    local added = redis.pcall('XADD', key, id, 'e', ARGV[3 + index])
    if type(added) == 'table' and added.err then
      if not string.find(added.err, 'equal or smaller') then
        return redis.error_reply(added.err)
      end
      -- Entries were deleted by hand: their ids cannot be used again, so the log begins anew.
      redis.call('DEL', key)
      failed[#failed + 1] = {index - 1, ''}
    elseif has_ended then
      redis.call('EXPIRE', key, ARGV[2])
    elseif before == '' then
      redis.call('EXPIRE', key, ARGV[1])
    end
  elseif found ~= id then
    failed[#failed + 1] = {index - 1, found}
  end
end
if #failed == 0 then
  return false
end
return cmsgpack.pack(failed)
