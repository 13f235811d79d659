-- Be the collector, for so long as it is said again; or stop being it.
-- KEYS: who collects
-- ARGV: collector, ms (0: stop)
-- Gives who collects now.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return holder
end
if tonumber(ARGV[2]) > 0 then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
else
  redis.call('DEL', KEYS[1])
end
return ARGV[1]
