-- A worker is heard of.
-- KEYS: workers by when they were heard of, what this worker tells of itself
-- ARGV: worker, JSON
-- Gives the time in ms.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - 86400000))
redis.call('SET', KEYS[2], ARGV[2], 'EX', 86400)
return now
