-- Give a turn back: the host answered, or did not; the pause begins.
-- KEYS: hash of the host's turn
-- ARGV: the name of the turn, the pause in ms
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local turn = redis.call('HMGET', KEYS[1], 'holder', 'next')
if turn[1] == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'holder', 'lease')
end
local after = math.max(tonumber(turn[2] or 0), now + tonumber(ARGV[2]))
redis.call(
  'HSET', KEYS[1], 'next', string.format('%.0f', after), 'left', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], 86400000)
