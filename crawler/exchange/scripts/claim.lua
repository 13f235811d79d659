-- Claim what workers hold that are not heard of any more.
-- KEYS: workers by when they were heard of, whoever looked last, streams of tasks
-- ARGV: group, worker, ms of silence after which a worker counts as dead, how many
-- Gives a list of: stream, id, fields, how often the task was given to a worker.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local found, left = {}, tonumber(ARGV[4])
-- To look at all workers takes a while: if each of very many did, nothing else would be done.
if not redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', 250) then
  return found
end
for number = 3, #KEYS do
  local stream = KEYS[number]
  local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, ARGV[1])
  for _, consumer in ipairs(consumers.err and {} or consumers) do
    local name, pending = consumer[2], consumer[4]
    local heard = redis.call('ZSCORE', KEYS[1], name)
    local dead = name ~= ARGV[2] and (not heard or now - heard > tonumber(ARGV[3]))
    if dead and pending == 0 then
      redis.call('XGROUP', 'DELCONSUMER', stream, ARGV[1], name)
    elseif dead and left > 0 then
      local held = redis.call('XPENDING', stream, ARGV[1], '-', '+', left, name)
      for _, each in ipairs(held) do
        -- One of whom nothing is known went by itself: no worker died of what it held.
        local times = each[4] + (heard and 1 or 0)
        local claimed = redis.call(
          'XCLAIM', stream, ARGV[1], ARGV[2], 0, each[1], 'RETRYCOUNT', times)
        for _, entry in ipairs(claimed) do
          table.insert(found, {stream, entry[1], entry[2], times})
          left = left - 1
        end
      end
    end
  end
end
return found
