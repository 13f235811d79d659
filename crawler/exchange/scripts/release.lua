-- Give back what a worker holds that goes: it is free at once, and no worker died of it.
-- KEYS: streams of tasks
-- ARGV: group, worker
for _, stream in ipairs(KEYS) do
  local held = redis.pcall('XPENDING', stream, ARGV[1], '-', '+', 1000, ARGV[2])
  for _, each in ipairs(held.err and {} or held) do
    local entry = redis.call('XRANGE', stream, each[1], each[1])[1]
    if entry then
      redis.call('XADD', stream, '*', unpack(entry[2]))
    end
    redis.call('XACK', stream, ARGV[1], each[1])
    redis.call('XDEL', stream, each[1])
  end
end
