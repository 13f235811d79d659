-- Take tasks, of the first stream as many as it has, then of the next.
-- KEYS: streams of tasks, in the order in which they are wanted
-- ARGV: group, worker, how many
-- Gives a list of: stream, id, fields. A stream without the group is empty: none was given yet.
local found, left = {}, tonumber(ARGV[3])
for _, stream in ipairs(KEYS) do
  if left > 0 and redis.call('EXISTS', stream) == 1 then
    local read = redis.pcall(
      'XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', left, 'STREAMS', stream, '>')
    if read and not read.err then
      for _, entry in ipairs(read[1][2]) do
        table.insert(found, {stream, entry[1], entry[2]})
        left = left - 1
      end
    end
  end
end
return found
