-- Stores the sealed answer of a lease, by the rules of Record::complete in edge-core.
-- KEYS[1] the record, KEYS[2] the client's recent use in bytes; ARGV: fence, answer, time to keep it in ms, its size in
-- bytes, the client's limit in bytes within that time
-- 1: stored; 0: the lease is over; 2: the client's quota is exhausted, so the lease is released
local record = redis.call('GET', KEYS[1])
if not record then
  return 0
end
local held, lease_until, fingerprint, answer = string.match(record, '^(%d+) (%d+) (%x+) (.*)$')
if not held then
  return redis.error_reply('NOTACLAIM the value is not a claim')
elseif held ~= ARGV[1] then
  return 0
elseif answer ~= '' then
  return 1
end
local kept = redis.call('INCRBY', KEYS[2], ARGV[4])
if kept == tonumber(ARGV[4]) then
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
if kept > tonumber(ARGV[5]) then
  redis.call('DEL', KEYS[1])
  return 2
end
redis.call('SET', KEYS[1], held .. ' ' .. lease_until .. ' ' .. fingerprint .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1
