-- Take tasks, of the first stream as many as it has, then of the next.
-- KEYS: streams of tasks, in the order in which they are wanted
-- ARGV: group, worker, how many
-- Gives a list of: stream, id, fields.
local function read(stream, count)
  return redis.pcall(
    'XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', count, 'STREAMS', stream, '>')
end
local found, left = {}, tonumber(ARGV[3])
for _, stream in ipairs(KEYS) do
  if left > 0 and redis.call('EXISTS', stream) == 1 then
    local taken = read(stream, left)
    if taken and taken.err then
      -- Redis lost the group, and was given tasks since.
      redis.pcall('XGROUP', 'CREATE', stream, ARGV[1], '0')
      taken = read(stream, left)
    end
    if taken and not taken.err then
      for _, entry in ipairs(taken[1][2]) do
        table.insert(found, {stream, entry[1], entry[2]})
        left = left - 1
      end
    end
  end
end
return found
