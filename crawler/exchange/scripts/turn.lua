-- A turn to ask a host: one worker at a time, and not before the pause behind the last answer.
-- KEYS: hash of the host's turn (holder, lease, next, left: ms), hash of its rest (until: ms,
-- state: JSON)
-- ARGV: a name for this turn; ms after which it is over unless it is given back, 0: no turns; the
-- least pause in ms behind the last answer, where who asks knows of a longer one than who left
-- Gives what to do (go, wait, held, rest), for how many ms, and the state of the host.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local rest = redis.call('HMGET', KEYS[2], 'until', 'state')
local state = rest[2] or ''
if rest[1] and tonumber(rest[1]) > now then
  return {'rest', tonumber(rest[1]) - now, state}
end
local lease = tonumber(ARGV[2])
if lease > 0 then
  local turn = redis.call('HMGET', KEYS[1], 'holder', 'lease', 'next', 'left')
  -- Its own: the answer that gave it got lost.
  if turn[1] and turn[1] ~= ARGV[1] and tonumber(turn[2]) > now then
    return {'held', tonumber(turn[2]) - now, state}
  end
  local free = math.max(tonumber(turn[3] or 0), tonumber(turn[4] or 0) + tonumber(ARGV[3]))
  if free > now then
    return {'wait', free - now, state}
  end
  redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'lease', string.format('%.0f', now + lease))
  redis.call('PEXPIRE', KEYS[1], 86400000)
end
return {'go', 0, state}
