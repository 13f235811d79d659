-- Hand over what became of a task: it leaves its stream as its outcome comes into the other.
-- KEYS: stream of the task, stream of outcomes
-- ARGV: group, worker, id of the task, then the fields of the outcome
-- Gives 1; 0 where the task is not this worker's any more: others do it, or did.
local held = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
if held.err or #held == 0 then
  return 0
end
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 4))
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
return 1
